import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startTestServer, type TestServer } from '@tidewire/server/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Tidewire } from './client.ts'
import { Reader, statesOf } from './testing/clients.ts'
import { until } from './testing/until.ts'
import type { TidewireOptions, TransportName } from './types.ts'

const TRANSPORTS: TransportName[] = ['websocket', 'sse', 'poll']

type ServerOptions = NonNullable<Parameters<typeof startTestServer>[0]>

const clients: Tidewire[] = []
const hooks: Server[] = []
let server: TestServer | undefined
/** What the server refused, by reason. */
let refused: unknown[] = []

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
  await server?.close()
  for (const hook of hooks.splice(0)) {
    hook.closeAllConnections()
    hook.close()
  }
  refused = []
})

async function start(options: ServerOptions = {}): Promise<TestServer> {
  const ignore = (): void => undefined
  const info = (fields: Record<string, unknown>): void => {
    if (fields['audit'] === 'refused') refused.push(fields['reason'])
  }
  server = await startTestServer({
    logger: { debug: ignore, info, warn: ignore, error: ignore },
    ...options,
  })
  return server
}

async function connect(
  { url, token }: TestServer,
  options: TidewireOptions = {},
): Promise<Tidewire> {
  const client = new Tidewire({
    url,
    WebSocket,
    token: await token('ada'),
    backoff: { minMs: 1, maxMs: 20 },
    ...options,
  })
  client.on('error', () => undefined)
  clients.push(client)
  return client
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
const rate = (burst: number, per_second: number) => ({ burst, per_second })

async function landed(client: Tidewire, channel: string): Promise<unknown[]> {
  const { publications } = await client.channel(channel).history({ limit: 500 })
  return publications.map(({ payload }) => payload['n'])
}

describe('a client that does much', () => {
  it('keeps to what the server takes: nothing is refused, and all lands in order', async () => {
    const limits = { connection: { publishes: rate(50, 1000) } }
    const client = await connect(await start({ limits }), { transports: ['websocket'] })
    const channel = client.channel('chat:a')
    await Promise.all(numbers(300).map((n) => channel.publish('message', { n })))
    expect(await landed(client, 'chat:a')).toEqual(numbers(300))
    expect(refused).toEqual([])
  })

  it.each(TRANSPORTS)('publishes again over %s what a limit of the user refused', async (name) => {
    // So little that no machine is too slow for it.
    const limits = { user: { publishes: rate(1, 0.5) } }
    const client = await connect(await start({ limits }), { transports: [name] })
    const channel = client.channel('chat:a')
    const receipts = await Promise.all(numbers(3).map((n) => channel.publish('message', { n })))
    expect(receipts.map(({ duplicate }) => duplicate)).not.toContain(true)
    const all = await landed(client, 'chat:a')
    expect(all.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(3))
    expect(refused).toContain('rate_limited')
  })

  it('subscribes and reads again when a limit refused it', async () => {
    const limits = { connection: { commands: rate(5, 20), history: rate(5, 200) } }
    const client = await connect(await start({ limits }), { transports: ['websocket'] })
    const channels = numbers(20).map((n) => client.channel(`chat:${n}`))
    await Promise.all(channels.map((channel) => channel.subscribe()))
    await Promise.all(channels.map((channel) => channel.history({ limit: 5 })))
    expect(refused).toContain('rate_limited')
  })

  it.each(['websocket', 'sse'] as const)(
    'stays away for a while over %s when a newer connection of its user took its place',
    async (name) => {
      const test = await start({ limits: { max_connections_per_user: 1 } })
      const first = await connect(test, { transports: [name] })
      await first.channel('chat:a').subscribe()
      const second = await connect(test, { transports: [name] })
      await second.channel('chat:a').subscribe()
      await until(() => first.state.name === 'reconnecting')
      expect(first.state).toMatchObject({ reason: 'too_many_connections' })
      const { retryAt } = first.state as { retryAt: number }
      expect(retryAt - Date.now()).toBeGreaterThan(29_000)
      expect(second.state.name).toBe('connected')
    },
  )
})

describe.each(TRANSPORTS)('a client over %s', (transport) => {
  it('loses the channel that its user may not hear any more, and keeps the others', async () => {
    const shut = new Set<string>()
    const test = await start({
      auth: { revalidate_ms: 100 },
      authorize: ({ channel }) => !shut.has(channel),
    })
    const client = await connect(test, { transports: [transport] })
    const [good, bad] = [client.channel('chat:good'), client.channel('chat:bad')]
    const reader = new Reader(good)
    await Promise.all([good.subscribe(), bad.subscribe()])
    shut.add('chat:bad')
    await until(() => bad.state.name === 'unsubscribed')
    expect(bad.state).toMatchObject({ error: { code: 4011 } })
    await publish(test, 'chat:good', 0, 1, 2)
    await until(() => reader.publications.length === 3)
    expect([reader.numbers, reader.faults, reader.resets]).toEqual([numbers(3), [], []])
    shut.clear()
    await bad.subscribe()
  })

  it('comes back by itself when nobody could tell what it may hear, and misses nothing', async () => {
    const { url, answers } = await startHook()
    const test = await start({
      auth: { revalidate_ms: 100, hook: { url, cache_ms: 0, allow_private: true } },
      namespaces: { asked: { durability: 'memory', subscribe: 'user', hook: true } },
    })
    const client = await connect(test, { transports: [transport] })
    const [good, bad] = [client.channel('chat:good'), client.channel('asked:bad')]
    const [fromGood, fromBad] = [new Reader(good), new Reader(bad)]
    await Promise.all([good.subscribe(), bad.subscribe()])
    answers.status = 500
    await until(() => bad.state.name === 'subscribing')
    await publish(test, 'asked:bad', 0, 1)
    await publish(test, 'chat:good', 0)
    await until(() => fromGood.publications.length === 1)
    expect(fromBad.publications).toEqual([])
    answers.status = 200
    await until(() => fromBad.publications.length === 2)
    await publish(test, 'asked:bad', 2)
    await until(() => fromBad.publications.length === 3)
    expect([fromBad.numbers, fromBad.faults, fromBad.resets]).toEqual([numbers(3), [], []])
  })

  it('ends for good when its page may not connect', async () => {
    const test = await start()
    const client = await connect(test, {
      transports: [transport],
      ...fromPage('https://evil.example'),
    })
    if (transport === 'websocket') {
      // A handshake does not say why it failed. Only another transport would tell.
      await until(() => client.state.name === 'reconnecting')
      return
    }
    await until(() => client.state.name === 'failed')
    expect(client.state).toMatchObject({ reason: 'origin_not_allowed', error: { code: 4003 } })
  })
})

it('ends for good when a fallback tells that its page may not connect', async () => {
  const client = await connect(await start(), fromPage('https://evil.example'))
  const states = statesOf(client)
  await until(() => client.state.name === 'failed')
  expect(client.state).toMatchObject({ reason: 'origin_not_allowed' })
  expect(states.length).toBeLessThan(10)
})

async function publish({ server }: TestServer, channel: string, ...all: number[]): Promise<void> {
  for (const n of all) await server.publish(channel, { type: 'message', payload: { n } })
}

/** An application that is asked for permission. It allows everything, with the status that the test wants. */
async function startHook(): Promise<{ url: string; answers: { status: number } }> {
  const answers = { status: 200 }
  const http = createServer((_, response) => {
    response.writeHead(answers.status).end('{"allow":true}')
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  hooks.push(http)
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, answers }
}

/** As a browser on a page of this origin would ask. */
function fromPage(origin: string): Pick<TidewireOptions, 'WebSocket' | 'fetch'> {
  class PageSocket extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      super(url, protocols ?? [], { origin })
    }
  }
  return {
    WebSocket: PageSocket,
    fetch: (input, init) => {
      const headers = new Headers(init?.headers)
      headers.set('Origin', origin)
      return fetch(input, { ...init, headers })
    },
  }
}
