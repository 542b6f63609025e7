import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commands } from '../testing/command.ts'

const { directory, run, serve, start } = commands()

describe('serve --dev', () => {
  test('prints where it is, serves a page there and stops in peace', async () => {
    const { command, url } = await serve('data')
    await command.until(/npx tidewire subscribe chat:general --url/)
    expect(command.stdout).toContain(
      'chat (durable), live (memory), signal (none), dm (durable), user (memory), feed (durable)',
    )
    expect(command.stdout).toMatch(/Data\s+\/.*\/data\n/)
    const page = await fetch(url)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('Tidewire')
    expect(await command.kill('SIGTERM')).toBe(0)
    expect(command.stderr).toBe('Stopping.\n')
  })

  test('keeps its secret, so tokens outlive a restart', async () => {
    const data = join(directory(), 'data')
    const first = await serve(data)
    const { stdout: token } = await run(['token', 'ada', '--data', data])
    await first.command.kill()
    const { url } = await serve(data)
    const response = await fetch(`${url}/v1/channels/chat:general/publications`, {
      headers: { authorization: `Bearer ${token.trim()}` },
    })
    expect(response.status).toBe(200)
  })

  test.each(['--dev', '--no-limits'])('%s is refused in production', async (flag) => {
    const { code, stderr } = await run(['serve', flag], { env: { NODE_ENV: 'production' } })
    expect(code).toBe(1)
    expect(stderr).toContain('NODE_ENV')
  })
})

describe('serve', () => {
  test('reads tidewire.yaml, and flags go before it', async () => {
    const cwd = directory()
    const yaml = 'port: 1\nops: { port: null }\nnamespaces: { news: { publish: user } }\n'
    writeFileSync(join(cwd, 'tidewire.yaml'), yaml)
    const command = start(['serve', '--port', '0', '--host', '127.0.0.1'], { cwd })
    const [, url] = await command.until(/listens on (http:\S+)\n/)
    expect((await fetch(`${url}/health`)).status).toBe(200)
    expect((await fetch(`${url}/v1/dev/token`, { method: 'POST' })).status).not.toBe(200)
    await command.until(/Warning: neither a secret nor server keys are set/)
  })

  test('warns at the start of what is open to everybody, a line each', async () => {
    const cwd = directory()
    writeFileSync(join(cwd, 'tidewire.yaml'), 'namespaces: { news: { subscribe: anyone } }\n')
    const flags = ['--port', '0', '--host', '0.0.0.0', '--ops-port', 'off']
    const command = start(['serve', ...flags, '--no-limits', '--origins', '*'], { cwd })
    await command.until(/Warning: plain HTTP on 0\.0\.0\.0:0: .*\n/)
    const warnings = command.stderr.split('\n').filter((line) => line.startsWith('Warning: '))
    expect(warnings).toEqual([
      expect.stringContaining('no token is accepted'),
      expect.stringMatching(/no_limits is set.*\. Leave it out/),
      expect.stringMatching(/pages of every origin may connect\. Name/),
      expect.stringMatching(/news need no token.*\. Set hosts/),
      expect.stringMatching(/plain HTTP.*\. Set tls/),
    ])
  })

  test('warns of nothing where nothing is open', async () => {
    const cwd = directory()
    writeFileSync(join(cwd, 'tidewire.yaml'), 'namespaces: { news: { subscribe: user } }\n')
    const env = { TIDEWIRE_JWT_SECRET: 'a secret of at least thirty-two bytes' }
    const flags = ['--port', '0', '--host', '127.0.0.1', '--ops-port', 'off']
    const command = start(['serve', ...flags], { cwd, env })
    await command.until(/listens on/)
    expect(await command.kill('SIGTERM')).toBe(0)
    expect(command.stderr).not.toContain('Warning')
  })

  test('has keys enough when they were made with `key create`', async () => {
    const cwd = directory()
    await run(['key', 'create', 'billing'], { cwd })
    const flags = ['--port', '0', '--host', '127.0.0.1', '--ops-port', 'off']
    const command = start(['serve', ...flags], { cwd })
    await command.until(/Warning: there are no namespaces/)
    expect(command.stderr).not.toContain('no token is accepted')
  })

  test('warns of no lack of namespaces where features bring theirs', async () => {
    const env = { TIDEWIRE_JWT_SECRET: 'a secret of at least thirty-two bytes' }
    const flags = ['--port', '0', '--host', '127.0.0.1', '--ops-port', 'off']
    const command = start(['serve', ...flags, '--features', 'chat'], { env })
    await command.until(/listens on/)
    expect(await command.kill('SIGTERM')).toBe(0)
    expect(command.stderr).not.toContain('Warning')
  })

  test('says which port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const flags = ['--dev', '--host', '127.0.0.1']
    const taken = await run(['serve', ...flags, '--ops-port', 'off', '--port', String(port)])
    expect(taken).toMatchObject({
      code: 1,
      stderr: `Port ${port} is taken. Choose another with --port.\n`,
    })
    const ops = await run(['serve', ...flags, '--port', '0', '--ops-port', String(port)])
    expect(ops).toMatchObject({
      code: 1,
      stderr: `Port ${port} is taken. Choose another with --ops-port.\n`,
    })
    other.close()
  })

  const sentence = /^[^\n]+\.\n$/
  const broken: [string, string, string, RegExp][] = [
    [
      'an unknown key',
      'tidewire.yaml',
      'portt: 1',
      /Unknown key `portt` .* Did you mean `port`\?\n$/,
    ],
    ['a file that is not YAML', 'tidewire.yaml', 'a: [', /^tidewire.yaml is not valid YAML/],
    ['a damaged database', 'data/tidewire.db', 'x'.repeat(8000), /tidewire.db is damaged/],
    ['a data directory that is a file', 'data', '', /data is a file, not a directory/],
  ]
  test.each(broken)('refuses %s with one sentence', async (_, name, content, pattern) => {
    const cwd = directory()
    if (name.includes('/')) await serveOnce(cwd)
    writeFileSync(join(cwd, name), content)
    const { code, stderr, stdout } = await run(
      ['serve', '--dev', '--data', 'data', '--port', '0', '--ops-port', 'off'],
      { cwd },
    )
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(pattern)
    expect(stderr.replace('?', '.')).toMatch(sentence)
  })

  async function serveOnce(cwd: string): Promise<void> {
    const { command } = await serve('data', '0', { cwd })
    await command.kill('SIGTERM')
  }

  test.each([
    ['a number that is none', ['--port', '8O8O'], 1, /^`--port` must be a whole number/],
    ['a file that is not there', ['--config', 'none.yaml'], 1, /none\.yaml does not exist/],
    ['an unknown flag', ['--prt', '1'], 2, /unknown option '--prt'/],
    ['a list with what is none', ['--origins', 'a.example'], 1, /^`--origins` .*origin/],
  ])('refuses %s', async (_, flags, exitCode, pattern) => {
    const { code, stderr } = await run(['serve', '--dev', ...flags])
    expect(code).toBe(exitCode)
    expect(stderr).toMatch(pattern)
  })
})
