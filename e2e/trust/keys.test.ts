import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Cli } from '../support/cli.ts'
import { ServerProcess } from '../support/server-process.ts'
import { until } from '../support/until.ts'
import { openAll } from './revocation/readers.ts'
import { everywhere, showEverywhere, type Verdict, WAYS } from './tokens/ways.ts'

/** How soon a running server takes notice. */
const WITHIN_MS = 2_000

let server: ServerProcess
beforeAll(async () => {
  server = await ServerProcess.start({
    config: { no_limits: true, namespaces: { chat: {} } },
  })
})
afterAll(() => server?.remove())

async function tidewire(...args: string[]): Promise<Cli> {
  const cli = new Cli([...args, '--data', server.data])
  expect(await cli.exit, cli.errors).toBe(0)
  return cli
}

async function create(id: string): Promise<string> {
  const { lines } = await tidewire('key', 'create', id)
  expect(lines).toHaveLength(1)
  return lines[0]!
}

/** What the server says to the key: as soon as that is `wanted`, and in the end in any case. */
async function soon(wanted: Verdict, key: string): Promise<Verdict> {
  let verdict: Verdict
  const deadline = Date.now() + WITHIN_MS
  do verdict = await WAYS[0]!.show(server.url, key, key)
  while (verdict !== wanted && Date.now() < deadline)
  return verdict
}

describe('while the server runs', () => {
  it('a key that is created counts, over every transport', async () => {
    const key = await create('made')
    expect(await soon('ok', key)).toBe('ok')
    expect(await showEverywhere(server.url, key)).toEqual(everywhere('ok'))
  })

  it('a key that is revoked counts no longer, and its open connections end', async () => {
    const [revoked, kept] = [await create('revoked'), await create('kept')]
    expect(await soon('ok', revoked)).toBe('ok')
    expect(await soon('ok', kept)).toBe('ok')
    const open = (token: string) => openAll({ url: server.url, token, channel: 'chat:a' })
    const [readers, others] = [await open(revoked), await open(kept)]

    await tidewire('key', 'revoke', 'revoked')
    await until(
      () => readers.every(({ refusal }) => refusal === 4002),
      () => `Not ended: ${JSON.stringify(readers.map(({ name, refusal }) => [name, refusal]))}`,
      WITHIN_MS,
    )
    expect(await showEverywhere(server.url, revoked)).toEqual(everywhere(4002))
    expect(others.map(({ refusal }) => refusal)).toEqual([undefined, undefined, undefined])
    for (const reader of [...readers, ...others]) reader.end()
  })
})

it('keys and revocations outlive a kill of the server', async () => {
  const [good, bad] = [await create('good'), await create('bad')]
  expect(await soon('ok', bad)).toBe('ok')
  await tidewire('key', 'revoke', 'bad')
  await server.kill()
  await server.start()
  expect(await soon('ok', good)).toBe('ok')
  expect(await soon(4002, bad)).toBe(4002)
})

it('keys are listed without their secrets, and kept as their digests', async () => {
  const key = await create('listed')
  expect(await soon('ok', key)).toBe('ok')
  const { lines } = await tidewire('key', 'list')
  expect(lines.join('\n')).toContain('listed')
  const secret = key.slice('tw_listed_'.length)
  expect(lines.join('\n')).not.toContain(secret)
  for (const file of ['store.db', 'store.db-wal']) {
    expect(readFileSync(join(server.data, file)).includes(secret)).toBe(false)
  }
  expect(server.output).not.toContain(secret)
})
