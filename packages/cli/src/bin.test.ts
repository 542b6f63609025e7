import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { commands } from '../testing/command.ts'

const BIN = fileURLToPath(new URL('../bin/tidewire.js', import.meta.url))
/** Makes Node believe that it is old, but not the one that is started in its place. */
const OLD = `data:text/javascript,${encodeURIComponent(
  `if (process.env.TIDEWIRE_LAUNCHER === undefined)
     Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`,
)}`
const script = ['-C', 'tidewire-source', '--import', OLD, BIN]

const { directory, run, serve, start } = commands()

/** A directory with a Node in `node_modules/.bin`, as an installation brings one. */
function installation(): string {
  const cwd = directory()
  const bin = join(cwd, 'node_modules', '.bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'node'), `#!/bin/sh\nexec "${process.execPath}" "$@"\n`)
  chmodSync(join(bin, 'node'), 0o755)
  return cwd
}

test('a Node that is new enough runs the command itself', async () => {
  const { code, stdout } = await run(['version'], { script: ['-C', 'tidewire-source', BIN] })
  expect(code).toBe(0)
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

describe('an older Node', () => {
  test('hands over to the one of the installation, with arguments, output and exit code', async () => {
    const cwd = installation()
    expect(await run(['version'], { script, cwd })).toMatchObject({ code: 0, stderr: '' })
    const { code, stderr } = await run(['token', 'not a user'], { script, cwd })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^A user id is/)
  })

  test('passes signals on and waits for the end', async () => {
    const { command } = await serve('data', '0', { script, cwd: installation() })
    expect(await command.kill('SIGTERM')).toBe(0)
    expect(command.stderr).toBe('Stopping.\n')
  })

  test('takes the server along when it is killed', async () => {
    const { command, url } = await serve('data', '0', { script, cwd: installation() })
    // Resolves when the pipes are closed, which both processes hold.
    expect(await command.kill('SIGKILL')).toBe('SIGKILL')
    await expect(fetch(`${url}/health`)).rejects.toThrow('fetch failed')
  })
})

test('Ctrl-C that comes twice at once, as through npm, is one Ctrl-C', async () => {
  const command = start(['serve', '--dev', '--port', '0', '--ops-port', 'off'])
  await command.until(/Open/)
  command.process.kill('SIGINT')
  await command.until(/Stopping/)
  command.process.kill('SIGINT')
  expect(await command.exit).toBe(0)
})
