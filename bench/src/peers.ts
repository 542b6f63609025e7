import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Load } from './generator.ts'
import { paths } from './paths.ts'
import { centrifugoConfig } from './servers/centrifugo-config.ts'
import { jetstreamConfig, jetstreamReady, type JetStreamSync } from './servers/jetstream.ts'
import { natsConfig } from './servers/nats-config.ts'
import { nchanConfig, nchanModule } from './servers/nchan-config.ts'

export const peerNames = [
  'tidewire',
  'tidewire-plain',
  'bun',
  'ws',
  'ws-framed',
  'socket.io',
  'socket.io-recovery',
  'nats',
  'nchan',
  'centrifugo',
  'jetstream',
  'jetstream-always',
  'node-http',
] as const
export type PeerName = (typeof peerNames)[number]

/** A server that is measured, as short as its documentation shows it. */
export interface Peer {
  name: PeerName
  protocol: Load['protocol']
  /** What a subscriber may rely on in this row. */
  guarantee: string
  version(): string
  /** Undefined where it can be started, else a sentence: what to install. */
  available(): string | undefined
  /** What brings it: `bench/peers`, or packages of Debian. Neither: it is there or it is not. */
  install?: 'npm' | readonly string[]
  /** `directory` is the run's own and empty. */
  command(port: number, directory: string): string[]
  environment?: Record<string, string>
  /** Before the start: configuration files in the run's directory. */
  prepare?(port: number, directory: string): void | Promise<void>
  /** Whether it is up; any answer to HTTP where not given. */
  ready?(port: number): Promise<boolean>
  /** The path to connect to, where the protocol's own does not do. */
  path?(port: number): Promise<string>
  /** And for the publisher, where it is another one. */
  publisherPath?(port: number): Promise<string>
}

const node = process.execPath
const bunPackage = join(paths.peers, `node_modules/@oven/bun-linux-${bunArch()}`)
const socketIoPackage = join(paths.peers, 'node_modules/socket.io')

const ws = {
  protocol: 'ws',
  guarantee: 'at most once',
  ...packaged(paths.ws),
} as const

const socketIo = {
  protocol: 'socketio',
  ...packaged(socketIoPackage),
  install: 'npm',
} as const

const tidewire: Peer = {
  name: 'tidewire',
  protocol: 'tidewire',
  guarantee: 'every offset once, in order; replayable; publishes acked',
  ...packaged(paths.cli),
  command: (port, directory) => [
    node,
    join(paths.cli, 'bin/tidewire.js'),
    'serve',
    '--dev',
    '--no-limits',
    '--port',
    String(port),
    '--data',
    directory,
    '--ops-port',
    'off',
  ],
  path: async (port) => `/v1/ws?token=${await devToken(port)}`,
}

const peers: Record<PeerName, Peer> = {
  tidewire,
  // Where the other row of Tidewire is not what it is by default.
  'tidewire-plain': { ...tidewire, name: 'tidewire-plain' },
  bun: {
    name: 'bun',
    protocol: 'bun',
    guarantee: 'at most once',
    ...packaged(bunPackage),
    install: 'npm',
    command: (port) => [join(bunPackage, 'bin/bun'), join(paths.servers, 'bun.ts'), String(port)],
  },
  ws: {
    ...ws,
    name: 'ws',
    command: (port) => [node, join(paths.servers, 'ws.ts'), String(port)],
  },
  'ws-framed': {
    ...ws,
    name: 'ws-framed',
    command: (port) => [node, join(paths.servers, 'ws.ts'), String(port), 'framed'],
  },
  'socket.io': {
    ...socketIo,
    name: 'socket.io',
    guarantee: 'at most once',
    command: (port) => [node, join(paths.servers, 'socketio.ts'), String(port)],
  },
  'socket.io-recovery': {
    ...socketIo,
    name: 'socket.io-recovery',
    guarantee: 'at most once; up to two minutes replayed after a reconnect',
    command: (port) => [node, join(paths.servers, 'socketio.ts'), String(port), 'recovery'],
  },
  nats: {
    name: 'nats',
    protocol: 'nats',
    guarantee: 'at most once',
    version: () => said(natsServer(), ['--version']),
    available: () => (said(natsServer(), ['--version']) === '' ? 'install nats-server' : undefined),
    install: ['nats-server'],
    prepare: (port, directory) =>
      writeFileSync(join(directory, 'nats.conf'), natsConfig(port, directory)),
    command: (_port, directory) => [natsServer(), '-c', join(directory, 'nats.conf')],
    environment: { GOMAXPROCS: '1' },
  },
  nchan: {
    name: 'nchan',
    protocol: 'nchan',
    guarantee: 'in order; replayable while in its message buffer',
    version: () => said('dpkg-query', ['-W', '-f', '${Version}', 'libnginx-mod-nchan']),
    available: () => (existsSync(nchanModule) ? undefined : 'install nginx and libnginx-mod-nchan'),
    install: ['nginx', 'libnginx-mod-nchan'],
    prepare: (port, directory) =>
      writeFileSync(join(directory, 'nginx.conf'), nchanConfig(port, directory)),
    command: (_port, directory) => {
      const config = join(directory, 'nginx.conf')
      return ['nginx', '-e', 'stderr', '-p', directory, '-c', config]
    },
  },
  centrifugo: {
    name: 'centrifugo',
    protocol: 'centrifugo',
    guarantee: 'every offset once, in order, or a new subscription; publishes acked',
    version: () => said(centrifugoBinary(), ['version']),
    available: () => {
      if (centrifugoBinary() === '') return 'set BENCH_PEER_CENTRIFUGO to the path of its binary'
      return said(centrifugoBinary(), ['version']) === ''
        ? `${centrifugoBinary()} does not run`
        : undefined
    },
    prepare: (port, directory) =>
      writeFileSync(join(directory, 'centrifugo.json'), centrifugoConfig(port)),
    command: (_port, directory) => [
      centrifugoBinary(),
      '--config',
      join(directory, 'centrifugo.json'),
    ],
    environment: { GOMAXPROCS: '1' },
  },
  jetstream: jetstream('jetstream', 'default', 'acked before it is on disk (synced every 2 min)'),
  'jetstream-always': jetstream('jetstream-always', 'always', 'on disk before the ack'),
  'node-http': {
    name: 'node-http',
    protocol: 'http',
    guarantee: 'none: JSON is parsed and answered',
    version: () => process.version.slice(1),
    available: () => undefined,
    command: (port) => [node, join(paths.servers, 'node-http.ts'), String(port)],
  },
}

/** Variables of the environment that name the program of a peer. */
export const peerVariables = ['BENCH_PEER_NATS', 'BENCH_PEER_CENTRIFUGO'] as const

/** Debian's stable one may be too old to sync always; `BENCH_PEER_NATS` names another. */
function natsServer(): string {
  return process.env['BENCH_PEER_NATS'] ?? 'nats-server'
}

function centrifugoBinary(): string {
  return process.env['BENCH_PEER_CENTRIFUGO'] ?? ''
}

function jetstream(name: PeerName, sync: JetStreamSync, guarantee: string): Peer {
  return {
    name,
    protocol: 'nats',
    guarantee,
    version: () => said(natsServer(), ['--version']),
    available: () => {
      const version = said(natsServer(), ['--version'])
      if (version === '') return 'install nats-server'
      return sync === 'default' || isAtLeast(version, 2, 10)
        ? undefined
        : `nats-server ${version} has no \`sync_interval\`: set BENCH_PEER_NATS to the path of 2.10 or later`
    },
    install: ['nats-server'],
    prepare: (port, directory) =>
      writeFileSync(join(directory, 'jetstream.conf'), jetstreamConfig(port, directory, sync)),
    command: (_port, directory) => [natsServer(), '-c', join(directory, 'jetstream.conf')],
    ready: jetstreamReady,
    environment: { GOMAXPROCS: '1' },
  }
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split('.').map(Number)
  return first > major || (first === major && second >= minor)
}

export function peerNamed(name: PeerName): Peer {
  return peers[name]
}

export function isPeerName(name: string): name is PeerName {
  return Object.hasOwn(peers, name)
}

/** A peer whose package.json says that it is there and in which version. */
function packaged(directory: string): Pick<Peer, 'version' | 'available'> {
  const manifest = join(directory, 'package.json')
  return {
    version: () => (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version,
    available: () =>
      existsSync(manifest) ? undefined : 'run `npm ci --ignore-scripts` in bench/peers',
  }
}

/** The first number with dots in what a command prints; '' where it does not run. */
function said(command: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return /\d+(\.\d+)+/.exec(`${stdout ?? ''} ${stderr ?? ''}`)?.[0] ?? ''
}

function bunArch(): string {
  return process.arch === 'arm64' ? 'aarch64' : process.arch
}

async function devToken(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/dev/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'bench' }),
  })
  if (!response.ok) throw new Error(`The dev token was refused: ${await response.text()}`)
  const { token } = (await response.json()) as { token: string }
  return token
}
