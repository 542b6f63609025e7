import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ServerProcess } from '../support/server-process.ts'
import { until } from '../support/until.ts'
import { jwt, seconds } from './support/jwt.ts'
import { LocalServer } from './support/local-server.ts'
import { Peer } from './support/peer.ts'
import { type Issuer, rsaIssuer } from './tokens/issuers.ts'
import { everywhere, showEverywhere, type Verdict, WAYS } from './tokens/ways.ts'

const REFRESH_MS = 1000
const [first, second, stranger] = [rsaIssuer(), rsaIssuer(), rsaIssuer()]
/** The keys that the identity provider shows now. */
let shown: readonly object[] = [first.jwk('first')]
let provider: LocalServer
let server: ServerProcess

beforeAll(async () => {
  provider = await LocalServer.start(() => ({ keys: shown }))
  server = await ServerProcess.start({
    config: {
      no_limits: true,
      namespaces: { chat: { publish: 'user' } },
      auth: { jwks: { url: provider.url, allow_private: true, refresh_ms: REFRESH_MS } },
    },
  })
})
afterAll(async () => {
  await server?.remove()
  await provider?.close()
})

function tokenBy({ algorithm: alg, sign }: Issuer, kid: string): string {
  return jwt({ alg, kid }, { sub: 'ada', exp: seconds(3600) }, sign)
}

/** What the server says to the token. */
function verdict(token: string): Promise<Verdict> {
  return WAYS[0]!.show(server.url, token, token)
}

it('the keys of an identity provider count, whichever way a token comes, and no others', async () => {
  expect(await showEverywhere(server.url, tokenBy(first, 'first'))).toEqual(everywhere('ok'))
  expect(await showEverywhere(server.url, tokenBy(stranger, 'first'))).toEqual(everywhere(4002))
  expect(await showEverywhere(server.url, tokenBy(stranger, 'stranger'))).toEqual(everywhere(4002))
})

it('keys that are unknown make no more than a few questions of the provider', async () => {
  const asked = provider.asked
  const began = performance.now()
  const tokens = Array.from({ length: 50 }, () => tokenBy(stranger, randomUUID()))
  expect(new Set(await Promise.all(tokens.map(verdict)))).toEqual(new Set([4002]))
  // One for all of them, and one whenever it is time to look again.
  const rounds = (performance.now() - began) / REFRESH_MS
  expect(provider.asked - asked).toBeLessThanOrEqual(2 + rounds)
})

it('a new key counts, one that is gone does not, and those who are connected notice nothing', async () => {
  const connected = await Peer.open(server.url, { token: tokenBy(first, 'first') })
  shown = [first.jwk('first'), second.jwk('second')]
  await until(async () => (await verdict(tokenBy(second, 'second'))) === 'ok')
  expect(await verdict(tokenBy(first, 'first'))).toBe('ok')
  shown = [second.jwk('second')]
  await until(async () => (await verdict(tokenBy(first, 'first'))) === 4002)
  expect(await verdict(tokenBy(second, 'second'))).toBe('ok')
  expect(await connected.ask('ping')).toMatchObject({ type: 'pong' })
  connected.end()
})

it('a provider that is gone takes nobody away: those who are connected stay, others come', async () => {
  const connected = await Peer.open(server.url, { token: tokenBy(second, 'second') })
  const asked = provider.asked
  provider.down = true
  // They are known for longer than they should be, and that was noticed.
  await until(async () => {
    expect(await verdict(tokenBy(second, 'second'))).toBe('ok')
    return provider.asked > asked
  })
  expect(await showEverywhere(server.url, tokenBy(second, 'second'))).toEqual(everywhere('ok'))
  expect(await verdict(tokenBy(stranger, 'second'))).toBe(4002)
  expect(await connected.ask('ping')).toMatchObject({ type: 'pong' })
  connected.end()
})
