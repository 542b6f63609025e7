import { spawnSync } from 'node:child_process'

import { hasCompiler, hasZlib } from './generator.ts'
import { paths } from './paths.ts'
import type { Peer } from './peers.ts'

const APT = 'apt-get'

/** Packages of Debian that the load generators are compiled with, as far as they are missing. */
export function missingTools(compiler = hasCompiler(), zlib = compiler && hasZlib()): string[] {
  return [...(compiler ? [] : ['gcc', 'libc6-dev']), ...(zlib ? [] : ['zlib1g-dev'])]
}

/**
 * Installs what the peers lack: npm packages exactly as locked and without install scripts, and,
 * with `system` and as root, packages of Debian, the `tools` among them. What stays missing,
 * `available` tells.
 */
export function installPeers(
  peers: readonly Peer[],
  system: boolean,
  progress: (line: string) => void,
  tools: readonly string[] = missingTools(),
): void {
  const missing = peers.filter((peer) => peer.available() !== undefined)
  if (missing.some((peer) => peer.install === 'npm')) {
    progress('installing the peers into bench/peers')
    const npm = spawnSync('npm', ['ci', '--prefix', paths.peers, '--ignore-scripts'], {
      encoding: 'utf8',
    })
    if (npm.status !== 0) progress(`npm could not: ${lastLine(npm.stderr)}`)
  }
  const packages = [
    ...tools,
    ...missing.flatMap(({ install }) => (Array.isArray(install) ? install : [])),
  ]
  if (packages.length > 0 && system && process.getuid?.() === 0) {
    progress(`installing ${packages.join(', ')} with apt-get`)
    const apt = aptGet(['install', '-y', '--no-install-recommends', ...new Set(packages)])
    if (apt !== undefined) progress(`apt-get could not: ${apt}`)
  }
}

/** Undefined when all went well. Servers that a package would start are not started. */
function aptGet(args: readonly string[]): string | undefined {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  for (const command of [['update', '-q'], args]) {
    const { status, stderr, error } = spawnSync(APT, command, {
      encoding: 'utf8',
      env: environment,
    })
    if (status !== 0) return error?.message ?? lastLine(stderr)
  }
  return undefined
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
