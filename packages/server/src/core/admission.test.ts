import { describe, expect, it } from 'vitest'
import { ADA, type Connected, CoreHarness, frame, LIMITS } from '../testing/core-harness.ts'
import type { ConnectionKind } from '../testing/fake-connection.ts'
import type { Limits } from './limits.ts'
import type { Actor } from './ports/actor.ts'

const BACKEND: Actor = { kind: 'server', key_id: 'backend' }
const FEW = { burst: 2, per_second: 1 }

function start(limits: Partial<Limits>, noLimits = false): Promise<CoreHarness> {
  const wide = { max_connections: 1_000, max_connections_per_address: 1_000 }
  return CoreHarness.start({ limits: { ...LIMITS, ...wide, ...limits }, noLimits })
}

function user(n: number): Actor {
  return { kind: 'user', user: `user ${n}` }
}

function codes(connections: readonly Connected[]): (number | undefined)[] {
  return connections.map(({ connection }) => connection.closedWith?.code)
}

function many(count: number, connect: (n: number) => Connected): Connected[] {
  return Array.from({ length: count }, (_, n) => connect(n))
}

describe('a server that is full', () => {
  it('turns a connection away with the time to come back, before it costs a session', async () => {
    const harness = await start({ max_connections: 2 })
    const all = many(3, (n) => harness.connect(user(n)))
    expect(codes(all)).toEqual([undefined, undefined, 4007])
    expect(all[2]?.connection.frames).toMatchObject([
      { type: 'error', payload: { code: 4007, temporary: true, retry_after_ms: 3_000 } },
    ])
    expect(harness.core.sessions.size).toBe(2)
    // What the transport still tells of it has no effect.
    all[2]?.session.receive(frame('ping'))
    all[2]?.session.closed(4007)
    expect(all[2]?.connection.frames).toHaveLength(1)
  })

  it('says so before a handshake, and takes the next one when somebody left', async () => {
    const { core, connect } = await bound(start({ max_connections: 1 }))
    const { session } = connect()
    expect(() => core.admit('192.0.2.9', 'connection')).toThrow(
      expect.objectContaining({ reason: 'too_many_connections', retryAfterMs: 3_000 }),
    )
    expect(() => core.admit('192.0.2.9', 'request')).not.toThrow()
    session.closed(1001)
    expect(() => core.admit('192.0.2.9', 'connection')).not.toThrow()
  })

  it('counts server keys and what has no limits, too', async () => {
    const harness = await start({ max_connections: 1 }, true)
    expect(codes(many(2, () => harness.connect(BACKEND)))).toEqual([undefined, 4007])
  })
})

describe('a user with too many connections', () => {
  it('loses the oldest, which is told to stay away for a while', async () => {
    const harness = await start({ max_connections_per_user: 2 })
    const all = many(4, () => harness.connect())
    expect(codes(all)).toEqual([4007, 4007, undefined, undefined])
    expect(all[0]?.connection.of('error')[0]?.payload).toMatchObject({
      reason: 'too_many_connections',
      retry_after_ms: 30_000,
    })
    expect(codes([harness.connect(user(1))])).toEqual([undefined])
    expect(codes(all.slice(2))).toEqual([undefined, undefined])
  })

  it('loses it also when the new one says later who it is', async () => {
    const harness = await start({ max_connections_per_user: 1 })
    const old = harness.connect()
    const late = harness.connectStranger()
    expect(codes([old, late])).toEqual([undefined, undefined])
    late.session.receive(frame('auth', { token: 'token of ada' }))
    await harness.clock.settle()
    expect(codes([old, late])).toEqual([4007, undefined])
  })

  it('loses none to a token that is refreshed', async () => {
    const harness = await start({ max_connections_per_user: 2 })
    const expires_at = harness.clock.now() + 60_000
    const all = many(2, () => harness.connect({ ...ADA, expires_at }))
    all[1]?.session.receive(frame('refresh', { token: 'token of ada' }))
    await harness.clock.settle()
    expect(all[1]?.connection.of('auth_response')).toHaveLength(1)
    expect(codes(all)).toEqual([undefined, undefined])
  })

  it('loses none to polls, and none to backends that act for it', async () => {
    const harness = await start({ max_connections_per_user: 1 })
    const stream = harness.connect(ADA, { transport: 'sse', duplex: false })
    const polls = many(5, () => harness.connect(ADA, { transport: 'poll', duplex: false }))
    const backends = many(5, () => harness.connect({ ...BACKEND, user: 'ada' }))
    expect(new Set(codes([stream, ...polls, ...backends]))).toEqual(new Set([undefined]))
  })

  it('keeps them all without limits', async () => {
    const harness = await start({ max_connections_per_user: 1 }, true)
    expect(new Set(codes(many(5, () => harness.connect())))).toEqual(new Set([undefined]))
  })
})

describe('an address with too many connections', () => {
  const at = (address: string): ConnectionKind => ({ address })

  it('gets no more, until one of them ends', async () => {
    const { core, connect } = await bound(start({ max_connections_per_address: 2 }))
    const inside = many(2, (n) => connect(user(n), at('2001:db8::1')))
    const full = connect(user(3), at('2001:db8::ffff'))
    expect(codes([...inside, full])).toEqual([undefined, undefined, 4007])
    expect(() => core.admit('2001:db8::2', 'connection')).toThrow(
      expect.objectContaining({ reason: 'too_many_connections', retryAfterMs: 3_000 }),
    )
    expect(() => core.admit('2001:db8:1::2', 'connection')).not.toThrow()
    inside[0]?.session.closed(1001)
    expect(codes([connect(user(4), at('2001:db8::2'))])).toEqual([undefined])
    for (const { session } of inside) session.closed(1001)
    expect(core.sessions.from('2001:db8:0:0::/64')).toBe(1)
  })

  it.each([
    ['a backend', BACKEND, '192.0.2.1', false],
    ['nobody, where the address is not known', ADA, '', false],
    ['nobody, without limits', ADA, '192.0.2.1', true],
  ])('keeps out %s', async (_, actor, address, noLimits) => {
    const limits = { max_connections_per_address: 1, max_connections_per_user: 10 }
    const harness = await start(limits, noLimits)
    const all = many(3, () => harness.connect(actor, { address }))
    expect(new Set(codes(all))).toEqual(new Set([undefined]))
  })
})

describe('connections that have not said who they are', () => {
  it('are at most half of all', async () => {
    const harness = await start({ max_connections: 6 })
    const strangers = many(4, () => harness.connectStranger())
    expect(codes(strangers)).toEqual([undefined, undefined, undefined, 4007])
    expect(codes([harness.connect()])).toEqual([undefined])
    strangers[0]?.session.receive(frame('auth', { token: 'token of eve' }))
    await harness.clock.settle()
    expect(codes([harness.connectStranger()])).toEqual([undefined])
  })

  it('make room when their time is over', async () => {
    const harness = await start({ max_connections: 2 })
    harness.connectStranger()
    await harness.clock.advance(6_001)
    expect(harness.core.sessions.strangers).toBe(0)
    expect(codes([harness.connectStranger()])).toEqual([undefined])
  })
})

describe('an address that comes too often', () => {
  const address = { ...LIMITS.address, connects: FEW, requests: FEW }

  it.each(['connection', 'request'] as const)('is refused a %s for a while', async (what) => {
    const harness = await start({ address })
    const knock = (): void => harness.core.admit('192.0.2.1', what)
    knock()
    knock()
    expect(knock).toThrow(expect.objectContaining({ reason: 'rate_limited', retryAfterMs: 1_000 }))
    harness.core.admit('192.0.2.2', what)
    await harness.clock.advance(1_000)
    expect(knock).not.toThrow()
    expect(knock).toThrow(`limits.address.${what === 'request' ? 'requests' : 'connects'}`)
  })
})

async function bound(started: Promise<CoreHarness>) {
  const harness = await started
  return { core: harness.core, connect: harness.connect.bind(harness) }
}
