import { generate, type Load } from './generator.ts'
import { machineCpuSeconds, type Pinning } from './machine.ts'
import type { Peer } from './peers.ts'
import type { Sample } from './sample.ts'
import { ServerProcess } from './server.ts'

/** The load of a scenario, before a server and its port are known. */
export type Plan = Omit<Load, 'port' | 'protocol' | 'path'>

export interface Rig {
  generator: string
  pinning: Pinning
  progress: (line: string) => void
}

/** Starts a fresh server, loads it once, and stops it. What goes wrong is the sample's problem. */
export async function measure(rig: Rig, peer: Peer, plan: Plan): Promise<Sample> {
  let server: ServerProcess | undefined
  try {
    server = await ServerProcess.start(peer, rig.pinning.server)
    return await load(rig, peer, plan, server)
  } catch (error) {
    return failedToStart(error instanceof Error ? error.message : String(error))
  } finally {
    await server?.stop()
  }
}

async function load(rig: Rig, peer: Peer, plan: Plan, server: ServerProcess): Promise<Sample> {
  const path = await peer.path?.(server.port)
  const meter = () => ({ server: server.cpuSeconds(), machine: machineCpuSeconds() })
  let before = meter()
  let after = before
  const measurement = await generate(
    [...rig.pinning.generator, rig.generator],
    {
      ...plan,
      port: server.port,
      protocol: peer.protocol,
      ...(path === undefined ? {} : { path }),
    },
    {
      begin: () => (before = meter()),
      end: () => (after = meter()),
    },
  )
  const serverCpuSeconds = Math.max(0, after.server - before.server)
  const other = after.machine - before.machine - serverCpuSeconds - measurement.cpuSeconds
  return { ...measurement, serverCpuSeconds, otherCpuSeconds: Math.max(0, other) }
}

function failedToStart(text: string): Sample {
  return {
    ok: false,
    seconds: 0,
    deliveries: 0,
    publications: 0,
    acks: 0,
    cpuSeconds: 0,
    serverCpuSeconds: 0,
    otherCpuSeconds: 0,
    frameBytes: 0,
    total: { publications: 0, receivedByAll: 0, acks: 0 },
    problem: { kind: 'start', subscriber: -1, expected: 0, received: 0, text },
  }
}
