import { expect, test } from 'vitest'
import { TokenAuthenticator } from './authenticator.ts'
import { issueToken } from './jwt.ts'
import { createServerKey } from './server-keys.ts'

const secret = 'the secret of this server, long enough'
const now = () => 1_000_000
const { key, ...serverKey } = createServerKey('backend')

test('user tokens and server keys are told apart', async () => {
  const authenticator = new TokenAuthenticator({ secret, serverKeys: [serverKey], now })
  const { token } = await issueToken({ secret, user: 'ada', ttlMs: 1000, now: now() })
  expect(await authenticator.authenticate(token)).toMatchObject({ kind: 'user', user: 'ada' })
  expect(await authenticator.authenticate(key)).toEqual({ kind: 'server' })
})

test('without a secret no user token is accepted, and the message says why', async () => {
  const authenticator = new TokenAuthenticator({ serverKeys: [serverKey], now })
  const { token } = await issueToken({ secret, user: 'ada', ttlMs: 1000, now: now() })
  await expect(authenticator.authenticate(token)).rejects.toThrow('`auth.jwt_secret` is not set')
  expect(await authenticator.authenticate(key)).toEqual({ kind: 'server' })
})
