import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { compileGenerator } from '../generator.ts'
import { paths } from '../paths.ts'
import type { Peer } from '../peers.ts'
import { runProgram } from '../program.ts'
import { CpuMeter, type Rig, withServer } from '../run.ts'
import type { Latency } from '../sample.ts'
import type { ServerProcess } from '../server.ts'
import { signToken } from '../servers/token.ts'
import { ratio } from '../summary.ts'

/** What the servers of a fleet verify tokens with; for the bench alone. */
const SECRET = 'a secret of the bench, which guards nothing'
const TOKEN_SECONDS = 3600
/** Preloaded, so that garbage is collected on SIGUSR2 (`servers/collect.ts`). */
export const collect = ['--import', join(paths.servers, 'collect.ts')]

const config = `
namespaces:
  bench: { durability: memory, publish: user, subscribe: user }
`

/** The peer as it stands before a fleet: it verifies a token, and each client is in a channel. */
export function fleetPeer(peer: Peer): Peer {
  const command = commands[peer.name]
  if (command === undefined) return peer
  return {
    ...peer,
    environment: { BENCH_SECRET: SECRET, TIDEWIRE_JWT_SECRET: SECRET },
    command: (port, directory) => command(peer, port, directory),
    prepare: (_port, directory) => {
      if (peer.name === 'tidewire') writeFileSync(join(directory, 'tidewire.yaml'), config)
    },
  }
}

/** Whether its process collects its garbage on SIGUSR2. Where nobody says so, a signal could mean anything. */
export function collectsGarbage(peer: Peer): boolean {
  return commands[peer.name] !== undefined
}

type Command = (peer: Peer, port: number, directory: string) => string[]

const node: (script: string, ...rest: string[]) => Command =
  (script, ...rest) =>
  (_peer, port) => [
    process.execPath,
    ...collect,
    join(paths.servers, script),
    String(port),
    ...rest,
  ]

const commands: Partial<Record<Peer['name'], Command>> = {
  tidewire: (_peer, port, directory) => [
    process.execPath,
    ...collect,
    join(paths.cli, 'bin/tidewire.js'),
    'serve',
    '--no-limits',
    `--config=${join(directory, 'tidewire.yaml')}`,
    '--host=127.0.0.1',
    `--port=${port}`,
    `--data=${directory}`,
    '--ops-port=off',
    '--log-level=warn',
  ],
  ws: node('fleet-ws.ts'),
  'socket.io': node('fleet-socketio.ts'),
  'socket.io-recovery': node('fleet-socketio.ts', 'recovery'),
  bun: (peer, port, directory) => [
    peer.command(port, directory)[0] ?? 'bun',
    join(paths.servers, 'fleet-bun.ts'),
    String(port),
  ],
}

/** Where the generator's tokens are, each of another user: no server knows one before it comes. */
function writeTokens(directory: string, count: number): string {
  const path = join(directory, 'tokens')
  const tokens = Array.from({ length: count }, (_, i) =>
    signToken(`user-${i}`, SECRET, TOKEN_SECONDS),
  )
  writeFileSync(path, `${tokens.join('\n')}\n`)
  return path
}

/** The generator with everything it needs before the numbers of a load. */
export function fleetCommand(rig: Rig, mode: 'idle' | 'storm' | 'drop'): string[] {
  return [...rig.pinning.generator, compileGenerator('fleet'), mode]
}

/** The generator's last line. */
export interface FleetResult {
  ok: boolean
  clients: number
  seconds: number
  cpu_seconds: number
  refused: number
  connect_ms?: Latency
  problem?: { kind: string; client: number; text: string }
}

export interface Fleet<Result> {
  result: Result
  serverCpuSeconds: number
  generatorCpu: number
  otherCpu: number
}

/** Runs a mode of the generator against a fresh server; `tokens`: how many it has to show. */
export async function runFleet<Result extends FleetResult>(
  rig: Rig,
  peer: Peer,
  mode: 'storm' | 'drop',
  flags: Record<string, string | number | undefined>,
  tokens: number,
): Promise<Fleet<Result>> {
  return await withServer(rig, fleetPeer(peer), async (server) => {
    const meter = new CpuMeter(server)
    const given = { ...flags, ...target(peer, server, tokens) }
    const line = await runProgram(fleetCommand(rig, mode), given, meter)
    const result = line as unknown as Result
    const { serverCpuSeconds, otherCpuSeconds } = meter.used(result.cpu_seconds)
    return {
      result,
      serverCpuSeconds,
      generatorCpu: ratio(result.cpu_seconds, result.seconds),
      otherCpu: ratio(otherCpuSeconds, result.seconds),
    }
  })
}

/** Flags that say whom to connect to, and as whom. */
export function target(
  peer: Peer,
  server: ServerProcess,
  tokens: number,
): Record<string, string | number> {
  const path = writeTokens(server.directory, tokens)
  return { port: server.port, protocol: peer.protocol, tokens: path }
}

export function describeProblem({
  kind,
  client,
  text,
}: NonNullable<FleetResult['problem']>): string {
  const who = client < 0 ? 'the fleet' : `client ${client}`
  switch (kind) {
    case 'stall':
      return 'no connection came about for a long time, and not all are there'
    case 'late':
      return 'not all clients had everything in time'
    default:
      return `${who}, ${kind}${text === '' ? '' : `: ${text}`}`
  }
}
