import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commands } from '../testing/command.ts'

const { directory, run } = commands()
const SECRET = 'a secret of at least thirty-two bytes'

function claims(token: string): { sub: string; iat: number; exp: number } {
  const [, payload = ''] = token.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as ReturnType<typeof claims>
}

describe('token', () => {
  test('is printed alone, for the user and the time that were asked for', async () => {
    const env = { TIDEWIRE_JWT_SECRET: SECRET }
    const { code, stdout, stderr } = await run(['token', 'ada', '--ttl', '90s'], { env })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { sub, iat, exp } = claims(stdout)
    expect(sub).toBe('ada')
    expect(exp - iat).toBeGreaterThanOrEqual(90)
    expect(exp - iat).toBeLessThanOrEqual(91)
  })

  test('is valid for an hour, with the secret of the file', async () => {
    const cwd = directory()
    writeFileSync(join(cwd, 'tidewire.yaml'), `auth: { jwt_secret: '${SECRET}' }`)
    const { iat, exp } = claims((await run(['token', 'ada'], { cwd })).stdout)
    expect(exp - iat).toBeGreaterThanOrEqual(3600)
  })

  test('needs a secret', async () => {
    const { code, stderr } = await run(['token', 'ada'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^There is no secret to sign with. Set TIDEWIRE_JWT_SECRET, or start/)
  })

  test.each([[['a b']], [['ada', '--ttl', '5']], [['ada', '--ttl', '0s']], [[]]])(
    '%j is a mistake in the call: exit code 2',
    async (args) => {
      const env = { TIDEWIRE_JWT_SECRET: SECRET }
      expect((await run(['token', ...args], { env })).code).toBe(2)
    },
  )
})
