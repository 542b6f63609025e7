import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ServerProcess } from '../support/server-process.ts'
import { tokenOf } from './support/jwt.ts'
import { HOSTS, ORIGINS, type Page, PAGES, type Place, PLACES } from './origins/table.ts'
import { type Outcome, TRANSPORTS, visit } from './origins/visit.ts'

const SECRET = 'a secret of thirty-two bytes or more'
const token = tokenOf(SECRET, 'ada')

let server: ServerProcess
beforeAll(async () => {
  server = await ServerProcess.start({
    config: {
      no_limits: true,
      origins: ORIGINS,
      hosts: HOSTS,
      auth: { jwt_secret: SECRET },
      namespaces: { chat: {} },
    },
  })
})
afterAll(() => server?.remove())

const REFUSED = 4003

function expected({ may }: Page, { host, is }: Place): Outcome {
  if (is !== 'ours') return REFUSED
  const isIn = typeof may === 'boolean' ? may : may.includes(String(host))
  return isIn ? 'in' : REFUSED
}

/** Without a `Host`, or with two, a request is malformed before it is anything else (RFC 9112 §3.2). */
const GOOD_REQUESTS = PLACES.filter(({ is }) => is !== 'malformed')
const MALFORMED = PLACES.filter(({ is }) => is === 'malformed')

describe('a page that asks for this server by any name, over any transport', () => {
  it.each(PAGES)('$what: $origin', async (page) => {
    // Browsers ask beforehand only for pages of another origin.
    const transports = Object.entries(TRANSPORTS).filter(
      ([name]) => name !== 'preflight' || page.origin !== undefined,
    )
    const visits = GOOD_REQUESTS.flatMap((place) =>
      transports.map(async ([name, target]) => {
        const { outcome } = await visit(server.port, target, page, place, token)
        return { name: `${place.what} over ${name}`, outcome, wanted: expected(page, place) }
      }),
    )
    const came = await Promise.all(visits)
    expect(Object.fromEntries(came.map(({ name, outcome }) => [name, outcome]))).toEqual(
      Object.fromEntries(came.map(({ name, wanted }) => [name, wanted])),
    )
  })
})

describe.each(MALFORMED)('with $what', (place) => {
  it.each(Object.entries(TRANSPORTS))('nothing is let in over %s', async (_, target) => {
    const page = { origin: 'https://app.ex.com' }
    const { outcome } = await visit(server.port, target, page, place, token)
    expect(outcome).toBeOneOf([4003, 4009, 'HTTP 400'])
  })
})

describe('what a page may read', () => {
  const ours = { host: 'live.ex.com' }
  const readable = Object.entries(TRANSPORTS).filter(([name]) => name !== 'WebSocket')

  it.each(readable)('over %s: the answers for its own origin', async (_, target) => {
    const page = { origin: 'https://a.wild.ex.com' }
    const { readableBy } = await visit(server.port, target, page, ours, token)
    expect(readableBy).toBe('https://a.wild.ex.com')
  })

  it.each(readable)('over %s: nothing when it may not connect', async (_, target) => {
    const page = { origin: 'https://evil.example' }
    const { readableBy } = await visit(server.port, target, page, ours, token)
    expect(readableBy).toBeUndefined()
  })

  it('an error that its own request met, too', async () => {
    const page = { origin: 'https://app.ex.com' }
    const target = { path: '/v1/channels/nowhere:a/publications', status: 200 }
    expect(await visit(server.port, target, page, ours, token)).toEqual({
      outcome: 4012,
      readableBy: 'https://app.ex.com',
    })
  })
})

it('health can be asked for by any name, as load balancers do', async () => {
  const target = { path: '/health', status: 200 }
  const { outcome } = await visit(
    server.port,
    target,
    { origin: undefined },
    { host: '10.1.2.3' },
    token,
  )
  expect(outcome).toBe('in')
})
