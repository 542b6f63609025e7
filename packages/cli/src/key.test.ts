import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commands } from '../testing/command.ts'

const { directory, run, serve } = commands()

interface Listed {
  id: string
  source: string
  created_at?: string
  revoked_at?: string
}

async function list(cwd: string, ...flags: string[]): Promise<Listed[]> {
  return JSON.parse((await run(['key', 'list', '--json', ...flags], { cwd })).stdout) as Listed[]
}

describe('key create', () => {
  test('prints the key alone, once, and keeps what is needed to know it', async () => {
    const cwd = directory()
    const { code, stdout, stderr } = await run(['key', 'create', 'billing'], { cwd })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^tw_billing_[\w-]{43}\n$/)
    expect(stderr).toMatch(
      /^The key `billing` is shown only this once\. .*\/\.tidewire take it\.\n$/,
    )
    const listed = await run(['key', 'list'], { cwd })
    expect(listed.stdout).toMatch(/^id +source +created +revoked\nbilling +store +20\S+Z +-\n$/)
    expect(listed.stdout).not.toContain(stdout.trim().slice(-43))
  })

  test('refuses an id that is taken, also by a key that was revoked', async () => {
    const cwd = directory()
    await run(['key', 'create', 'billing'], { cwd })
    const again = await run(['key', 'create', 'billing'], { cwd })
    expect(again).toMatchObject({ code: 1, stdout: '' })
    expect(again.stderr).toMatch(/^There is a server key `billing` already/)
    await run(['key', 'revoke', 'billing'], { cwd })
    const after = await run(['key', 'create', 'billing'], { cwd })
    expect(after).toMatchObject({ code: 1, stdout: '' })
    expect(after.stderr).toMatch(/^The server key `billing` was revoked, .* never used again/)
  })

  test('refuses the ids of the configuration and of dev', async () => {
    const env = { TIDEWIRE_SERVER_KEYS: `shop:${'0'.repeat(64)}` }
    const configured = await run(['key', 'create', 'shop'], { env })
    expect(configured).toMatchObject({ code: 1, stdout: '' })
    expect(configured.stderr).toContain('`auth.server_keys` has a key `shop`')
    expect((await run(['key', 'create', 'dev'])).stderr).toContain('`serve --dev`')
  })

  test.each(['My_Key', '', 'x'.repeat(33)])('does not take %j for an id', async (id) => {
    const cwd = directory()
    const { code, stderr } = await run(['key', 'create', id], { cwd })
    expect({ code, made: existsSync(join(cwd, '.tidewire')) }).toEqual({ code: 2, made: false })
    expect(stderr).toMatch(/^The id of a server key is 1 to 32 characters/)
  })

  test('says in one sentence that the data directory cannot be used', async () => {
    const cwd = directory()
    writeFileSync(join(cwd, 'data'), '')
    const { code, stderr } = await run(['key', 'create', 'billing', '--data', 'data'], { cwd })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^The data directory data cannot be written to\. [^\n]+\n$/)
  })
})

describe('key list', () => {
  test('says where each key comes from, and when it was made and revoked', async () => {
    const cwd = directory()
    const env = { TIDEWIRE_SERVER_KEYS: `shop:${'0'.repeat(64)}` }
    await run(['key', 'create', 'billing'], { cwd })
    await run(['key', 'create', 'mail'], { cwd })
    await run(['key', 'revoke', 'billing'], { cwd })
    mkdirSync(join(cwd, '.tidewire'), { recursive: true })
    writeFileSync(join(cwd, '.tidewire', 'dev-server-key'), 'tw_dev_x')
    const { stdout } = await run(['key', 'list', '--json'], { cwd, env })
    const time = expect.stringMatching(/^\d{4}-.*Z$/) as string
    expect(JSON.parse(stdout)).toEqual([
      { id: 'shop', source: 'config' },
      { id: 'billing', source: 'store', created_at: time, revoked_at: time },
      { id: 'mail', source: 'store', created_at: time },
      { id: 'dev', source: 'dev' },
    ])
  })

  test('makes nothing where there is nothing', async () => {
    const cwd = directory()
    const { code, stdout, stderr } = await run(['key', 'list'], { cwd })
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toMatch(/^There are no server keys\./)
    expect(await list(cwd)).toEqual([])
    expect(existsSync(join(cwd, '.tidewire'))).toBe(false)
  })
})

describe('key revoke', () => {
  test('says whether the key counted until now', async () => {
    const cwd = directory()
    await run(['key', 'create', 'billing'], { cwd })
    const first = await run(['key', 'revoke', 'billing'], { cwd })
    expect(first).toMatchObject({ code: 0, stdout: '' })
    expect(first.stderr).toMatch(/^The key `billing` is revoked\./)
    const second = await run(['key', 'revoke', 'billing'], { cwd })
    expect(second).toMatchObject({ code: 0, stderr: 'The key `billing` was revoked before.\n' })
  })

  test.each([
    ['that nobody made', 'mail', /^There is no server key `mail`/],
    ['of the configuration', 'shop', /stands in `auth\.server_keys`: remove it there/],
    ['of dev', 'dev', /dev-server-key and restart it/],
  ])('refuses a key %s', async (_, id, sentence) => {
    const cwd = directory()
    await run(['key', 'create', 'billing'], { cwd })
    const env = { TIDEWIRE_SERVER_KEYS: `shop:${'0'.repeat(64)}` }
    const { code, stderr } = await run(['key', 'revoke', id], { cwd, env })
    expect(code).toBe(1)
    expect(stderr).toMatch(sentence)
  })

  test('says that there is no store', async () => {
    const cwd = directory()
    const { code, stderr } = await run(['key', 'revoke', 'billing'], { cwd })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^There is no store in .*\.tidewire, so there is no key `billing`\.\n$/)
    expect(existsSync(join(cwd, '.tidewire'))).toBe(false)
  })
})

test('a running server takes a key that is made, and refuses it soon after it is revoked', async () => {
  const data = join(directory(), 'data')
  const { url } = await serve(data)
  const { stdout } = await run(['key', 'create', 'billing', '--data', data])
  const status = async (): Promise<number> => {
    const response = await fetch(`${url}/v1/channels/chat:a/publications`, {
      headers: { authorization: `Bearer ${stdout.trim()}` },
    })
    return response.status
  }
  await expect.poll(status, { timeout: 10_000 }).toBe(200)
  await run(['key', 'revoke', 'billing', '--data', data])
  await expect.poll(status, { timeout: 10_000 }).toBe(401)
})
