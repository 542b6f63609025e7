import { compileGenerator, generate, type Load } from './generator.ts'
import { machineCpuSeconds, type Pinning } from './machine.ts'
import type { Peer } from './peers.ts'
import type { Profiles } from './profile.ts'
import type { Sample } from './sample.ts'
import { type Launch, ServerProcess } from './server.ts'

/** What scenarios run on. */
export interface Rig {
  pinning: Pinning
  progress: (line: string) => void
  /** Where servers that are measured leave their CPU profiles; undefined: they make none. */
  profiles?: Profiles
}

/** How servers are started on it. */
export function launchOn({ pinning, profiles }: Rig): Launch {
  return { pin: pinning.server, profile: profiles?.path }
}

/** Starts a fresh server, lets `work` load it, and stops it. */
export async function withServer<T>(
  rig: Rig,
  peer: Peer,
  work: (server: ServerProcess) => Promise<T>,
): Promise<T> {
  const server = await ServerProcess.start(peer, launchOn(rig))
  try {
    return await work(server)
  } finally {
    await server.stop()
  }
}

/**
 * What the server and the rest of the machine worked between a generator's `begin` and `end`; a server
 * that was started for it profiles itself meanwhile.
 */
export class CpuMeter {
  readonly #server: ServerProcess
  #before: Meter
  #after: Meter

  constructor(server: ServerProcess) {
    this.#server = server
    this.#before = this.#after = this.#read()
  }

  begin(): void {
    this.#server.beginProfile()
    this.#before = this.#read()
  }

  end(): void {
    this.#after = this.#read()
    this.#server.endProfile()
  }

  /** CPU seconds; `generator` is what the generator says of itself. */
  used(generator: number): { serverCpuSeconds: number; otherCpuSeconds: number } {
    const server = Math.max(0, this.#after.server - this.#before.server)
    const other = this.#after.machine - this.#before.machine - server - generator
    return { serverCpuSeconds: server, otherCpuSeconds: Math.max(0, other) }
  }

  #read(): Meter {
    return { server: this.#server.cpuSeconds(), machine: machineCpuSeconds() }
  }
}

interface Meter {
  server: number
  machine: number
}

/** The load of a broadcast, before a server and its port are known. */
export type Plan = Omit<Load, 'port' | 'protocol' | 'path' | 'publisherPath'>

/** Loads a fresh server once with `broadcast`. Rejects when either does not come up. */
export async function measure(rig: Rig, peer: Peer, plan: Plan): Promise<Sample> {
  const command = [...rig.pinning.generator, compileGenerator('broadcast')]
  return await withServer(rig, peer, async (server) => {
    const path = await peer.path?.(server.port)
    const meter = new CpuMeter(server)
    const publisherPath = await peer.publisherPath?.(server.port)
    const load: Load = {
      ...plan,
      port: server.port,
      protocol: peer.protocol,
      ...(path === undefined ? {} : { path }),
      ...(publisherPath === undefined ? {} : { publisherPath }),
    }
    const measurement = await generate(command, load, meter)
    return { ...measurement, ...meter.used(measurement.cpuSeconds) }
  })
}
