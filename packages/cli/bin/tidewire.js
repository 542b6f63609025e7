#!/usr/bin/env node
// Plain JavaScript that old versions of Node can read: it finds one that is new enough before anything else is loaded.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SCRIPT = realpathSync(fileURLToPath(import.meta.url))
const LAUNCHER = 'TIDEWIRE_LAUNCHER'

if (isNewEnough(process.versions.node)) await run()
else launch()

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 13)
}

async function run() {
  if (process.env[LAUNCHER] === String(process.ppid)) endWithLauncher()
  const fromSource = process.execArgv.some((argument) => argument.endsWith('tidewire-source'))
  try {
    await (fromSource ? import('../src/main.ts') : import('../dist/main.js'))
  } catch (error) {
    const missing =
      error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    if (!missing || existsSync(join(dirname(SCRIPT), '../dist/main.js'))) throw error
    fail('Tidewire was not built yet. Run `npm run build` in the repository.')
  }
}

/** Runs this script again with the Node that came with the installation. */
function launch() {
  const node = findNode(dirname(SCRIPT)) ?? findNode(process.cwd())
  if (node === undefined) {
    fail(
      `Tidewire needs Node 22.13 or newer, and this is ${process.versions.node}. Install one from nodejs.org.`,
    )
    return
  }
  const child = spawn(node, [...process.execArgv, SCRIPT, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [LAUNCHER]: String(process.pid) },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', () =>
    fail(`${node} cannot be started. Install Node 22.13 or newer from nodejs.org.`),
  )
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function findNode(directory) {
  const name = process.platform === 'win32' ? 'node.cmd' : 'node'
  const path = join(directory, 'node_modules', '.bin', name)
  if (existsSync(path) && realpathSync(path) !== realpathSync(process.execPath)) return path
  const parent = dirname(directory)
  return parent === directory ? undefined : findNode(parent)
}

/** Whoever kills the launcher, with -9 too, means this process: the channel between the two closes. */
function endWithLauncher() {
  delete process.env[LAUNCHER]
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  process.channel?.unref()
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exitCode = 1
}
