import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ServerProcess } from '../support/server-process.ts'
import { http } from './support/http.ts'
import { hmac, jwt, serverKey } from './support/jwt.ts'
import { type Accepted, forgeries, goodClaims, goodToken, MAX_AGE_S } from './tokens/forged.ts'
import { ecIssuer, edIssuer, rsaIssuer } from './tokens/issuers.ts'
import { everywhere, REFRESH, showEverywhere } from './tokens/ways.ts'

const KEY = serverKey('backend')
const ACCEPTED: Accepted = {
  secret: 'a secret of thirty-two bytes or more',
  issuer: 'https://id.example',
  audience: 'tidewire',
  rsa: rsaIssuer(),
  ec: ecIssuer(),
  ed: edIssuer(),
  stranger: rsaIssuer(),
  keyId: 'backend',
}
const good = goodToken(ACCEPTED)

let server: ServerProcess
beforeAll(async () => {
  const { secret, issuer, audience, rsa, ec, ed } = ACCEPTED
  server = await ServerProcess.start({
    config: {
      no_limits: true,
      namespaces: { chat: { publish: 'user' } },
      auth: {
        jwt_secret: secret,
        server_keys: [KEY.entry],
        public_keys: [
          { algorithm: 'RS256', id: 'rsa', pem: rsa.pem },
          { algorithm: 'ES256', id: 'ec', pem: ec.pem },
          { algorithm: 'EdDSA', id: 'ed', pem: ed.pem },
        ],
        issuer,
        audience,
        token_max_age_ms: MAX_AGE_S * 1000,
      },
    },
  })
})
afterAll(() => server?.remove())

describe('what is accepted, whichever way it comes', () => {
  const claims = goodClaims(ACCEPTED)
  const signed = ({ algorithm: alg, sign }: Accepted['rsa'], kid: string): string =>
    jwt({ alg, kid }, claims, sign)

  it.each([
    ['HS256 by the secret', good],
    ['RS256 by a public key', signed(ACCEPTED.rsa, 'rsa')],
    ['ES256 by a public key', signed(ACCEPTED.ec, 'ec')],
    ['EdDSA by a public key', signed(ACCEPTED.ed, 'ed')],
    [
      'one audience of several',
      jwt({ alg: 'HS256' }, { ...claims, aud: ['x', 'tidewire'] }, hmac(ACCEPTED.secret)),
    ],
    ['a server key', KEY.key],
  ])('%s', async (_, token) => {
    expect(await showEverywhere(server.url, token)).toEqual(everywhere('ok'))
  })
})

describe('a forged token is refused, whichever way it comes', () => {
  const forged = forgeries(ACCEPTED)

  it.each(forged)('$what: $code', async ({ token, code }) => {
    expect(await showEverywhere(server.url, token)).toEqual(everywhere(code))
    // Nor does it replace a good one, whatever is wrong with it.
    expect(await REFRESH.show(server.url, token, good)).toBe(4002)
  })

  it('of 10 KB: 4002', async () => {
    const token = `${good}${'A'.repeat(10_000)}`
    expect(await showEverywhere(server.url, token)).toEqual(everywhere(4002))
    expect(await REFRESH.show(server.url, token, good)).toBe(4002)
  })

  it('and there are enough of them', () => {
    expect(new Set(forged.map(({ token }) => token)).size).toBeGreaterThanOrEqual(45)
  })

  it('without a word about it in the log', () => {
    // Shorter ones may be words.
    const tokens = [good, KEY.key, ...forged.map(({ token }) => token)].filter(
      (token) => token.length > 8,
    )
    expect(tokens.filter((token) => server.output.includes(token))).toEqual([])
  })
})

describe('a token where none is looked for', () => {
  it.each(['/v1/channels/chat:a/publications', '/v1/users/ada/disconnect'])(
    'in the query of %s: 4001',
    async (path) => {
      const method = path.endsWith('disconnect') ? 'POST' : 'GET'
      const { code } = await http(`${server.url}${path}?token=${good}`, { method })
      expect(code).toBe(4001)
    },
  )

  it.each([
    ['a cookie', { cookie: `token=${good}` }],
    ['another scheme', { authorization: `Basic ${Buffer.from(good).toString('base64')}` }],
    ['a token without a scheme', { authorization: good }],
    ['two tokens', { authorization: `Bearer ${good} ${good}` }],
    ['an empty token', { authorization: 'Bearer ' }],
  ])('%s', async (_, headers) => {
    const { code } = await http(`${server.url}/v1/poll?channel=chat:a&wait=0`, { headers })
    expect(code).toBeOneOf([4001, 4002])
  })
})
