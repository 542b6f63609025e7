import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TidewireError, UnauthorizedError } from './errors.ts'
import { Clients, statesOf } from './testing/clients.ts'
import { FakeServer } from './testing/fake-server.ts'
import { until } from './testing/until.ts'
import type { TidewireOptions, TokenContext, TransportName } from './types.ts'

const clients = new Clients()
let server: FakeServer

beforeEach(async () => {
  server = await FakeServer.start()
})

afterEach(async () => {
  await clients.close()
  await server.stop()
})

/** A provider that counts: `token-1`, `token-2` … */
function provider(): { reasons: string[]; getToken: NonNullable<TidewireOptions['getToken']> } {
  const reasons: string[] = []
  return {
    reasons,
    getToken: ({ reason }: TokenContext) => Promise.resolve(`token-${reasons.push(reason)}`),
  }
}

describe('a token', () => {
  it('that is refused ends a client which has no other', async () => {
    server.faults.refusedTokens.add('old')
    const client = clients.make(server, { token: 'old' })
    await until(() => client.state.name === 'failed')
    expect(client.state).toMatchObject({
      reason: 'authentication_failed',
      error: { code: 4002, temporary: false },
    })
  })

  it('that is refused is replaced at once', async () => {
    server.faults.refusedTokens.add('token-1')
    const { getToken, reasons } = provider()
    const client = clients.make(server, { getToken })
    const states = statesOf(client)
    await until(() => client.state.name === 'connected')
    expect(reasons).toEqual(['connect', 'refused'])
    expect(states.map(({ name }) => name)).toEqual(['connecting', 'connected'])
    expect(client.state).toMatchObject({ user: 'token-2' })
  })

  it('that is refused again and again is asked for with pauses, not in a storm', async () => {
    server.faults.refusedTokens = { has: () => true } as unknown as Set<string>
    const { getToken, reasons } = provider()
    const client = clients.make(server, { getToken, backoff: { minMs: 60_000 } })
    await until(() => client.state.name === 'reconnecting')
    expect(reasons).toEqual(['connect', 'refused'])
  })

  it.each<TransportName>(['sse', 'poll'])(
    'is renewed over %s when a request is refused',
    async (transport) => {
      const { getToken, reasons } = provider()
      const client = clients.make(server, { getToken, transports: [transport] })
      const channel = client.channel('chat:a')
      await channel.subscribe()
      server.faults.refusedTokens.add('token-1')
      server.kick()
      await until(
        () =>
          client.state.name !== 'connected' ||
          channel.state.name !== 'subscribed' ||
          transport === 'poll',
      )
      if (transport === 'poll') server.publish('chat:a', 'message', {})
      await until(() => reasons.includes('refused'))
      await until(() => channel.state.name === 'subscribed')
      expect(server.tokens.at(-1)).toBe('token-2')
    },
  )

  it('is refreshed over the connection before it ends', async () => {
    const { getToken, reasons } = provider()
    const client = clients.make(server, { getToken })
    await until(() => client.state.name === 'connected')
    const states = statesOf(client)
    server.say('auth_expiring', { expires_at: new Date(Date.now() + 60_000).toISOString() })
    await until(() => server.tokens.includes('token-2'))
    expect(reasons).toEqual(['connect', 'expiring'])
    expect(states).toEqual([])
  })

  it('that no subprotocol can hold travels in the first frame', async () => {
    const client = clients.make(server, { token: 'a b/c=' })
    await until(() => client.state.name === 'connected')
    expect(client.state).toMatchObject({ user: 'a b/c=' })
    expect(server.received[0]).toMatchObject({ type: 'auth', payload: { token: 'a b/c=' } })
  })

  it('travels in the first frame after a handshake failed, so that its refusal can be read', async () => {
    server.faults.upgrade = 'refused'
    server.faults.refusedTokens.add('old')
    const client = clients.make(server, { token: 'old', transports: ['websocket'] })
    await until(() => client.state.name === 'reconnecting')
    server.faults.upgrade = 'ok'
    await until(() => client.state.name === 'failed')
    expect(client.state).toMatchObject({ reason: 'authentication_failed' })
  })
})

describe('getToken', () => {
  it('stops the client by throwing UnauthorizedError', async () => {
    const getToken = (): Promise<string> => Promise.reject(new UnauthorizedError('signed out'))
    const client = clients.make(server, { getToken })
    const waiting = client.channel('chat:a').publish('message', {})
    await expect(waiting).rejects.toBeInstanceOf(TidewireError)
    expect(client.state).toMatchObject({ name: 'failed', reason: 'unauthorized' })
  })

  it('is called again, later, when it throws anything else', async () => {
    let calls = 0
    const getToken = (): Promise<string> =>
      (calls += 1) < 3 ? Promise.reject(new Error('offline')) : Promise.resolve('token')
    const client = clients.make(server, { getToken })
    const states = statesOf(client)
    await until(() => client.state.name === 'connected')
    expect(calls).toBe(3)
    expect(states).toContainEqual(expect.objectContaining({ reason: 'token_unavailable' }))
  })

  it('is told when its token is not needed any more', async () => {
    let signal: AbortSignal | undefined
    const getToken = (context: TokenContext): Promise<string> => {
      signal = context.signal
      return new Promise(() => undefined)
    }
    const client = clients.make(server, { getToken })
    await until(() => signal !== undefined)
    await client.close()
    expect(signal?.aborted).toBe(true)
  })
})
