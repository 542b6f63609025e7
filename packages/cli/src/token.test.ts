import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commands } from '../testing/command.ts'

const { directory, run } = commands()
const SECRET = 'a secret of at least thirty-two bytes'
const env = { TIDEWIRE_JWT_SECRET: SECRET }

interface Claims {
  sub: string
  iat: number
  exp: number
  sid?: string
  channels?: unknown
}

function claims(token: string): Claims {
  const [, payload = ''] = token.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
}

async function create(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(['token', 'create', ...args], { env })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.trim()
}

describe('token create', () => {
  test.each([[['token', 'create', 'ada']], [['token', 'ada']]])(
    '%j prints a token alone, for the user and the time that were asked for',
    async (args) => {
      const { code, stdout, stderr } = await run([...args, '--ttl', '90s'], { env })
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const { sub, iat, exp } = claims(stdout)
      expect(sub).toBe('ada')
      expect(exp - iat).toBeGreaterThanOrEqual(90)
      expect(exp - iat).toBeLessThanOrEqual(91)
    },
  )

  test('is valid for an hour, with the secret of the file', async () => {
    const cwd = directory()
    writeFileSync(join(cwd, 'tidewire.yaml'), `auth: { jwt_secret: '${SECRET}' }`)
    const { iat, exp } = claims((await run(['token', 'ada'], { cwd })).stdout)
    expect(exp - iat).toBeGreaterThanOrEqual(3600)
  })

  test('says what it may do, in words or as JSON, and which login it is of', async () => {
    const allow = ['--allow', 'subscribe,publish=chat:*', '--allow', '*=orders:42']
    const channels = { 'chat:*': ['subscribe', 'publish'], 'orders:42': ['*'] }
    expect(claims(await create('ada', ...allow, '--session', 's-1'))).toMatchObject({
      channels,
      sid: 's-1',
    })
    const json = await create('ada', '--channels', JSON.stringify(channels))
    expect(claims(json).channels).toEqual(channels)
    expect(claims(json)).not.toHaveProperty('sid')
    expect(claims(await create('ada'))).not.toHaveProperty('channels')
  })

  test('makes tokens for users that are called as its subcommands are', async () => {
    expect(claims(await create('inspect')).sub).toBe('inspect')
  })

  test('needs a secret', async () => {
    const { code, stderr } = await run(['token', 'ada'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^There is no secret to sign with. Set TIDEWIRE_JWT_SECRET, or start/)
  })

  test.each([
    [['a b']],
    [['ada', '--ttl', '5']],
    [['ada', '--ttl', '0s']],
    [['ada', '--allow', 'chat:*']],
    [['ada', '--allow', 'fly=chat:*']],
    [['ada', '--allow', 'publish=chat']],
    [['ada', '--channels', '{']],
    [['ada', '--channels', '["chat:*"]']],
    [['ada', '--channels', '{}', '--allow', 'publish=chat:a']],
    [['ada', '--session', '']],
    [[]],
  ])('%j is a mistake in the call: exit code 2', async (args) => {
    const { code, stdout } = await run(['token', ...args], { env })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })
})

describe('token inspect', () => {
  const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const soon = (): number => Math.floor(Date.now() / 1000) + 600

  function forge(payload: object, header: object = { alg: 'HS256' }, secret = SECRET): string {
    const body = `${base64(header)}.${base64(payload)}`
    return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`
  }

  async function inspect(token: string, options: Parameters<typeof run>[1] = { env }) {
    return run(['token', 'inspect', token], options)
  }

  test('tells what a token holds and that it is good', async () => {
    const token = await create('ada', '--allow', 'subscribe=chat:*', '--session', 's-1')
    const { code, stdout, stderr } = await inspect(token)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^header alg +HS256$/m)
    expect(stdout).toMatch(/^sub +ada$/m)
    expect(stdout).toMatch(/^sid +s-1$/m)
    expect(stdout).toMatch(/^exp +20\S+Z \(in (?:59 minutes|1 hour)\)$/m)
    expect(stdout).toMatch(/^channels +\{"chat:\*":\["subscribe"\]\}$/m)
    expect(stdout).toMatch(/^signature +good/m)
    expect(stdout).toMatch(/^expired +no$/m)
    expect(stdout).toMatch(/\nGood: a server with this configuration accepts it\.\n$/)
    expect(stdout).not.toContain(token.split('.')[2])
  })

  test('reads it from stdin, as a header may have it', async () => {
    const input = `Bearer ${await create('ada')}\n`
    expect(await run(['token', 'inspect', '-'], { env, input })).toMatchObject({ code: 0 })
    expect(await run(['token', 'inspect', '-'], { env })).toMatchObject({
      code: 1,
      stderr: 'There is no token on stdin.\n',
    })
  })

  test('prints JSON for programs', async () => {
    const token = await create('ada')
    const { stdout } = await run(['token', 'inspect', token, '--json'], { env })
    expect(JSON.parse(stdout)).toEqual({
      header: { alg: 'HS256', typ: 'JWT' },
      claims: claims(token),
      signature: 'good',
      expired: false,
      good: true,
    })
  })

  test.each([
    ['signed with another secret', () => forge({ sub: 'ada', exp: soon() }, undefined, 'other')],
    ['not signed', () => `${base64({ alg: 'none' })}.${base64({ sub: 'ada', exp: soon() })}.`],
    ['changed', () => forge({ sub: 'ada', exp: soon() }).replace(/\.[^.]+\./, `.${base64({})}.`)],
  ])('of a token that is %s, says that the signature is bad', async (_, make) => {
    const { code, stdout } = await inspect(make())
    expect(code).toBe(1)
    expect(stdout).toMatch(/^signature +bad/m)
    expect(stdout).toMatch(/\nNot good: The token is not valid/)
  })

  test('tells apart what is wrong with a token whose signature is good', async () => {
    const old = await inspect(forge({ sub: 'ada', exp: 1_000_000_000 }))
    expect(old.code).toBe(1)
    expect(old.stdout).toMatch(/^signature +good/m)
    expect(old.stdout).toMatch(/^expired +yes$/m)
    expect(old.stdout).toMatch(/\nNot good: The token has expired\./)
    const nobody = await inspect(forge({ exp: soon() }))
    expect(nobody.code).toBe(1)
    expect(nobody.stdout).toMatch(/\nNot good: The token lacks `sub`\./)
  })

  test('goes by the public keys of the configuration', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const body = `${base64({ alg: 'EdDSA' })}.${base64({ sub: 'ada', exp: soon() })}`
    const token = `${body}.${sign(undefined, Buffer.from(body), privateKey).toString('base64url')}`
    const cwd = directory()
    writeFileSync(join(cwd, 'key.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
    const unknown = await inspect(token, { cwd, env })
    expect(unknown.code).toBe(1)
    expect(unknown.stdout).toMatch(/^signature +not checked/m)
    expect(unknown.stdout).toMatch(/\nNot known to be good/)
    const yaml = 'auth: { public_keys: [{ algorithm: EdDSA, file: key.pem }] }'
    writeFileSync(join(cwd, 'tidewire.yaml'), yaml)
    expect((await inspect(token, { cwd })).code).toBe(0)
    writeFileSync(join(cwd, 'key.pem'), 'no key')
    const broken = await inspect(token, { cwd })
    expect(broken).toMatchObject({ code: 1, stdout: '' })
    expect(broken.stderr).toMatch(/^`auth\.public_keys\[0\]` is no public key/)
  })

  test('lets no token write to the terminal', async () => {
    const { stdout } = await inspect(forge({ sub: 'ada', 'a\u001B[2J': '\u001B[31m\u0007\u009B' }))
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  })

  test.each([
    ['no token', 'hello', 'This is no token: it has three parts'],
    ['a server key', 'tw_billing_0123456789abcdef', 'This is a server key.'],
  ])('says that %s is none', async (_, token, sentence) => {
    const { code, stdout, stderr } = await inspect(token)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(sentence)
    expect(stderr).not.toContain(token)
  })
})
