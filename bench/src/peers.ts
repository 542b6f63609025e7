import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Load } from './generator.ts'
import { paths } from './paths.ts'

export const peerNames = ['tidewire', 'ws', 'socket.io', 'bun'] as const
export type PeerName = (typeof peerNames)[number]

/** A server that is measured. */
export interface Peer {
  name: PeerName
  protocol: Load['protocol']
  /** What a subscriber may rely on in this row. */
  guarantee: string
  /** Package directory whose package.json holds the version. */
  package: string
  /** Comes with `peers/`, not with the workspaces. */
  external: boolean
  command(port: number, directory: string): string[]
  /** The path to connect to, where the protocol's own does not do. */
  path?(port: number): Promise<string>
}

const node = process.execPath
const bunPackage = join(paths.peers, `node_modules/@oven/bun-linux-${bunArch()}`)

const peers: Record<PeerName, Peer> = {
  tidewire: {
    name: 'tidewire',
    protocol: 'tidewire',
    guarantee: 'every offset once, in order; replayable; publishes acked',
    package: paths.cli,
    external: false,
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
  },
  ws: {
    name: 'ws',
    protocol: 'ws',
    guarantee: 'at most once',
    package: paths.ws,
    external: false,
    command: (port) => [node, join(paths.servers, 'ws.ts'), String(port)],
  },
  'socket.io': {
    name: 'socket.io',
    protocol: 'socketio',
    guarantee: 'at most once',
    package: join(paths.peers, 'node_modules/socket.io'),
    external: true,
    command: (port) => [node, join(paths.servers, 'socketio.ts'), String(port)],
  },
  bun: {
    name: 'bun',
    protocol: 'bun',
    guarantee: 'at most once',
    package: bunPackage,
    external: true,
    command: (port) => [join(bunPackage, 'bin/bun'), join(paths.servers, 'bun.ts'), String(port)],
  },
}

export function peerNamed(name: PeerName): Peer {
  return peers[name]
}

export function isPeerName(name: string): name is PeerName {
  return name in peers
}

export function versionOf(peer: Peer): string {
  const manifest = JSON.parse(readFileSync(join(peer.package, 'package.json'), 'utf8')) as {
    version: string
  }
  return manifest.version
}

/** Installs what is missing, exactly as locked and without running install scripts. */
export function installPeers(chosen: readonly Peer[], progress: (line: string) => void): void {
  if (chosen.every((peer) => !peer.external || existsSync(peer.package))) return
  progress('installing the peers into bench/peers')
  const npm = spawnSync('npm', ['ci', '--prefix', paths.peers, '--ignore-scripts'], {
    encoding: 'utf8',
  })
  if (npm.status !== 0) throw new Error(`The peers could not be installed:\n${npm.stderr}`)
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
