import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { resolveConfig } from '@tidewire/server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { commands } from '../testing/command.ts'
import { checkClock, checkFiles, checkSpace, type Finding } from './checks.ts'
import { checkTls } from './policy.ts'

const { directory, run, serve } = commands()

async function findings(flags: string[], cwd = directory()) {
  const { code, stdout } = await run(['doctor', '--json', ...flags], { cwd })
  const list = JSON.parse(stdout) as Finding[]
  return { code, of: (check: string) => list.filter((finding) => finding.check === check) }
}

test('where a server can run, every line is ok or a warning and the exit code 0', async () => {
  const { code, stdout } = await run(['doctor', '--dev', '--port', '0', '--ops-port', '0'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^ok {4}node/)
  expect(stdout).toMatch(/^ok {4}namespaces {2}chat: durable, publish user, subscribe user/m)
  expect(stdout).toMatch(/^ok {4}database {4}none yet/m)
  expect(stdout).not.toMatch(/^fail/m)
})

test('without dev and file it warns of what is missing', async () => {
  const { code, of } = await findings(['--port', '0', '--ops-port', 'off'])
  expect(code).toBe(0)
  expect(of('auth')).toMatchObject([{ level: 'warn', remedy: 'Set TIDEWIRE_JWT_SECRET.' }])
  expect(of('namespaces')).toMatchObject([{ level: 'warn' }])
})

test('features bring namespaces, whose rules are listed', async () => {
  const flags = ['--features', 'chat,feed', '--port', '0', '--ops-port', 'off']
  const { of } = await findings(flags)
  expect(of('namespaces').map(({ level, message }) => [level, message])).toEqual([
    ['ok', 'chat: durable, publish user, subscribe user, history user'],
    ['ok', 'dm: durable, publish owner, subscribe owner, history owner'],
    ['ok', 'feed: durable, publish owner, subscribe owner, history owner, keeps 1000 entries'],
  ])
})

test('beside a running server it says so', async () => {
  const data = join(directory(), 'data')
  const { port } = await serve(data)
  const flags = ['--dev', '--data', data, '--port', port, '--ops-port', 'off']
  const { code, of } = await findings(flags)
  expect(code).toBe(0)
  const message = expect.stringContaining('running server') as string
  expect(of('port')).toMatchObject([{ level: 'ok', message }])
  expect(of('database')).toMatchObject([{ level: 'ok', message }])
})

test('without --dev, beside the data of a dev server, it says how to check that one', async () => {
  const data = join(directory(), 'data')
  const { port } = await serve(data)
  const { code, of } = await findings(['--data', data, '--port', port, '--ops-port', 'off'])
  expect(code).toBe(0)
  const remedy = expect.stringContaining('`tidewire doctor --dev`') as string
  expect(of('auth')).toMatchObject([{ level: 'warn', remedy }])
  expect(of('namespaces')).toMatchObject([{ level: 'warn', remedy }])
})

test.each<[string, string, string]>([
  ['config', 'tidewire.yaml', 'portt: 1'],
  ['data', '.tidewire', ''],
])('a broken %s fails with exit code 1', async (check, name, content) => {
  const cwd = directory()
  writeFileSync(join(cwd, name), content)
  const { code, of } = await findings(['--port', '0', '--ops-port', 'off'], cwd)
  expect(code).toBe(1)
  expect(of(check)).toMatchObject([{ level: 'fail' }])
})

test.each([
  ['database', 'tidewire.db'],
  ['store', 'store.db'],
])('a damaged %s fails', async (check, file) => {
  const cwd = directory()
  writeFileSync(join(cwd, file), 'x'.repeat(8000))
  const { code, of } = await findings(['--data', '.', '--port', '0', '--ops-port', 'off'], cwd)
  expect(code).toBe(1)
  const remedy = expect.stringContaining('backup') as string
  expect(of(check)).toMatchObject([{ level: 'fail', remedy }])
})

test('keys that were made count, and their store is looked at', async () => {
  const cwd = directory()
  await run(['key', 'create', 'billing'], { cwd })
  const { code, of } = await findings(['--port', '0', '--ops-port', 'off'], cwd)
  expect(code).toBe(0)
  expect(of('store')).toMatchObject([{ level: 'ok' }])
  expect(of('auth')).toMatchObject([{ message: expect.stringContaining('`tidewire key list`') }])
})

test('a clock from before the installation fails', () => {
  expect(checkClock()).toMatchObject({ level: 'ok' })
  expect(checkClock(0)).toMatchObject({ level: 'fail' })
})

test('fewer files than connections is a warning', () => {
  const allowed = (max_connections: number) =>
    checkFiles(resolveConfig({ file: { limits: { max_connections } } })).level
  expect(allowed(1)).toBe('ok')
  expect(allowed(1e7)).toBe('warn')
})

test('a disk with less than what is kept free fails', () => {
  const kept = (min_free_bytes: number) =>
    checkSpace(resolveConfig({ file: { data: directory(), storage: { min_free_bytes } } }))
  expect(kept(0)).toMatchObject({ level: 'ok' })
  const remedy = expect.stringContaining('storage.min_free_bytes') as string
  expect(kept(1e15)).toMatchObject({ level: 'fail', remedy })
})

describe('the policy', () => {
  const ports = ['--port', '0', '--ops-port', 'off']

  async function found(yaml: string, flags: string[] = ports) {
    const cwd = directory()
    writeFileSync(join(cwd, 'tidewire.yaml'), yaml)
    return findings(flags, cwd)
  }

  test('lists limits and rates, for people and for programs', async () => {
    const flags = ['doctor', '--dev', ...ports]
    const { stdout } = await run(flags)
    expect(stdout).toMatch(/^ok {4}limits {6}\S/m)
    expect(stdout).toMatch(/^ {18}a connection +128 channels, 1 MiB waiting/m)
    expect(stdout).toMatch(/^ {18}connections +20000, 20 a user, 10000 an address/m)
    expect(stdout).toMatch(/^ok {4}rates {7}\S/m)
    expect(stdout).toMatch(/^ {18}connection +publishes +1000 at once +200\/s$/m)
    const { of } = await found('limits: { events: { typing: { burst: 5, per_second: 0.5 } } }')
    expect(of('limits')).toMatchObject([{ level: 'ok', values: { max_channels: 128 } }])
    expect(of('rates')).toMatchObject([
      {
        lines: expect.arrayContaining([
          expect.stringMatching(/^event +typing +5 at once +0\.5\/s$/),
        ]),
        values: { events: { typing: { burst: 5, per_second: 0.5 } } },
      },
    ])
  })

  test.each<[string, string, string[], string]>([
    ['limits', 'no limits at all', ['--no-limits'], 'no_limits is set'],
    ['origins', 'pages of every origin', ['--origins', '*'], 'every origin'],
    ['transport', 'plain HTTP for everybody', ['--host', '0.0.0.0'], 'plain HTTP on 0.0.0.0:0'],
    [
      'operations',
      'metrics for everybody',
      ['--ops-host', '0.0.0.0', '--ops-port', '0'],
      'metrics',
    ],
  ])('warns in `%s` of %s, with a remedy', async (check, _, flags, message) => {
    const base = ['--host', '127.0.0.1', ...ports]
    const quiet = (await findings(base)).of(check)
    expect(quiet).toMatchObject([{ level: 'ok' }])
    const { code, of } = await findings([...base, ...flags])
    expect(code).toBe(0)
    expect(of(check)).toMatchObject([
      { level: 'warn', message: expect.stringContaining(message), remedy: expect.any(String) },
    ])
  })

  test('warns of what needs no token while any host name is answered', async () => {
    const yaml = 'namespaces: { news: { subscribe: anyone }, chat: {} }'
    expect((await found(yaml)).of('hosts')).toMatchObject([
      { level: 'warn', message: expect.stringMatching(/^news need no token/) },
    ])
    const named = await found(yaml, [...ports, '--hosts', 'live.example.com,example.com'])
    expect(named.of('hosts')).toMatchObject([
      { level: 'ok', message: 'live.example.com, example.com' },
    ])
  })

  test.each([
    ['--host', '192.168.1.5', 'which only this machine or network reaches'],
    ['--proxies', '10.0.0.0/8,::1', 'behind a proxy'],
  ])('takes plain HTTP with %s %s', async (flag, value, why) => {
    const { of } = await findings(['--port', '8080', '--ops-port', 'off', flag, value])
    expect(of('transport')).toMatchObject([{ level: 'ok', message: expect.stringContaining(why) }])
  })

  test('says where the hook is, whom it serves and what it lacks, without its query', async () => {
    const { of } = await found(`
      auth: { hook: { url: 'https://app.example.com/may?key=hidden' } }
      namespaces: { chat: { hook: true } }`)
    expect(of('hook')).toMatchObject([{ level: 'warn', remedy: expect.stringContaining('secret') }])
    const message = of('hook')[0]?.message
    expect(message).toContain('https://app.example.com/may for chat')
    expect(message).not.toContain('hidden')
  })

  test('says where refusals go, and when they cannot', async () => {
    expect((await found('')).of('audit')).toMatchObject([{ message: 'refusals go to the log' }])
    const file = join(directory(), 'audit.jsonl')
    expect((await found(`audit: { file: '${file}' }`)).of('audit')).toMatchObject([
      { level: 'ok', message: `refusals go to ${file}` },
    ])
    const { code, of } = await found(`audit: { file: '${file}/below/it' }`)
    expect(code).toBe(1)
    expect(of('audit')).toMatchObject([{ level: 'fail' }])
  })
})

describe('keys of others', () => {
  test('are fetched from where the configuration says, and counted', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/keys?tenant=hidden') response.end('{"keys":[{},{}]}')
      else response.writeHead(404).end()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void server.close())
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const keySet = async (path: string, more = ', allow_private: true') => {
      const cwd = directory()
      writeFileSync(join(cwd, 'tidewire.yaml'), `auth: { jwks: { url: '${at}${path}'${more} } }`)
      const { of } = await findings(['--port', '0', '--ops-port', 'off'], cwd)
      expect(of('auth')).toMatchObject([{ level: 'ok' }])
      return of('key set')
    }
    const good = await keySet('/keys?tenant=hidden')
    expect(good).toEqual([{ check: 'key set', level: 'ok', message: `${at}/keys: 2 keys` }])
    expect(await keySet('/other')).toMatchObject([
      { level: 'fail', message: expect.stringContaining('404') },
    ])
    expect(await keySet('/keys', '')).toMatchObject([
      { level: 'fail', message: expect.stringContaining('allow_private') },
    ])
  })

  test('that cannot be read fail', async () => {
    const cwd = directory()
    const yaml = 'auth: { public_keys: [{ algorithm: ES256, file: none.pem }] }'
    writeFileSync(join(cwd, 'tidewire.yaml'), yaml)
    const { code, of } = await findings(['--port', '0', '--ops-port', 'off'], cwd)
    expect(code).toBe(1)
    expect(of('auth')).toMatchObject([
      { level: 'fail', message: expect.stringContaining('auth.public_keys[0]') },
    ])
  })
})

test('the files of TLS must be there, belong together and last', () => {
  const pem = (name: string): string =>
    fileURLToPath(new URL(`../../server/contract/tls/${name}.pem`, import.meta.url))
  const check = (cert: string, key: string, now?: number) => {
    const tls = { cert_file: pem(cert), key_file: pem(key) }
    return checkTls(resolveConfig({ file: { tls } }), now).map(({ level }) => level)
  }
  expect(checkTls(resolveConfig())).toEqual([])
  expect(check('one.cert', 'one.key')).toEqual(['ok'])
  expect(check('one.cert', 'two.key')).toEqual(['fail'])
  expect(check('one.cert', 'none')).toEqual(['fail'])
  expect(check('one.key', 'one.key')).toEqual(['fail'])
  const end = new Date(new X509Certificate(readFileSync(pem('one.cert'))).validTo).getTime()
  const days = (count: number): number => end + count * 24 * 3_600_000
  expect(check('one.cert', 'one.key', days(-10))).toEqual(['warn'])
  expect(check('one.cert', 'one.key', days(10))).toEqual(['fail'])
})
