import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffOf } from './backoff.ts'
import {
  type Connecting,
  type ConnectionEffect,
  type ConnectionEvent,
  connectionStep,
  initialConnection,
  STABLE_MS,
} from './connection-state.ts'
import { TidewireError } from './errors.ts'
import type { ConnectionState, DisconnectReason } from './types.ts'

const NOW = 1_000_000
const HALF = 0.5

function machine(options: { renewable?: boolean; maxAttempts?: number } = {}): Connecting {
  const { renewable = false, maxAttempts } = options
  return initialConnection({
    backoff: backoffOf({ minMs: 1000, maxMs: 8000, maxAttempts }),
    transports: ['websocket', 'sse', 'poll'],
    renewable,
  })
}

/** Drives a machine through events at one time; effects are those of the last one. */
class Drive {
  effects: readonly ConnectionEffect[] = []
  now = NOW
  machine: Connecting

  constructor(start: Connecting) {
    this.machine = start
  }

  get state(): ConnectionState {
    return this.machine.state
  }

  on(event: ConnectionEvent): this {
    const step = connectionStep(this.machine, event, this.now, HALF)
    this.machine = step.machine
    this.effects = step.effects
    return this
  }

  after(ms: number): this {
    this.now += ms
    return this
  }

  lost(reason: DisconnectReason, error?: TidewireError): this {
    return this.on({ type: 'lost', reason, ...(error === undefined ? {} : { error }) })
  }
}

const established: ConnectionEvent = { type: 'established', clientId: 'c1', user: 'ada' }
const connect: ConnectionEvent = { type: 'connect' }

const start = (options?: Parameters<typeof machine>[0]): Drive => new Drive(machine(options))
const connected = (options?: Parameters<typeof machine>[0]): Drive =>
  start(options).on(connect).on(established)

/** A machine in each state. `reconnecting` waits; that it also attempts is tested below. */
const IN: Record<ConnectionState['name'], () => Drive> = {
  disconnected: () => start(),
  connecting: () => start().on(connect),
  connected: () => connected(),
  reconnecting: () => connected().lost('network'),
  failed: () => connected().lost('origin_not_allowed'),
}

const EVENTS: Record<ConnectionEvent['type'], ConnectionEvent> = {
  connect,
  close: { type: 'close' },
  established,
  lost: { type: 'lost', reason: 'network' },
  timeout: { type: 'timeout' },
  retry: { type: 'retry' },
  wake: { type: 'wake' },
  shutdown: { type: 'shutdown', reconnectInMs: 5000 },
}

/** Next state, then effects. */
type Expected = `${ConnectionState['name']}${string}`

const TABLE: Record<ConnectionState['name'], Record<ConnectionEvent['type'], Expected>> = {
  disconnected: {
    connect: 'connecting: open',
    close: 'disconnected: drop',
    established: 'disconnected',
    lost: 'disconnected',
    timeout: 'disconnected',
    retry: 'disconnected',
    wake: 'disconnected',
    shutdown: 'disconnected',
  },
  connecting: {
    connect: 'connecting',
    close: 'disconnected: drop',
    established: 'connected',
    lost: 'reconnecting: drop wait',
    timeout: 'reconnecting: drop wait',
    retry: 'connecting',
    wake: 'connecting',
    shutdown: 'connecting',
  },
  connected: {
    connect: 'connected',
    close: 'disconnected: drop',
    established: 'connected',
    lost: 'reconnecting: drop wait',
    timeout: 'connected',
    retry: 'connected',
    wake: 'connected: probe',
    shutdown: 'connected',
  },
  reconnecting: {
    connect: 'reconnecting: drop open',
    close: 'disconnected: drop',
    established: 'reconnecting',
    lost: 'reconnecting',
    timeout: 'reconnecting',
    retry: 'reconnecting: drop open',
    wake: 'reconnecting: drop open',
    shutdown: 'reconnecting',
  },
  failed: {
    connect: 'connecting: open',
    close: 'disconnected: drop',
    established: 'failed',
    lost: 'failed',
    timeout: 'failed',
    retry: 'failed',
    wake: 'failed',
    shutdown: 'failed',
  },
}

describe('the transition table of the connection', () => {
  const cells = Object.entries(TABLE).flatMap(([state, events]) =>
    Object.entries(events).map(([event, expected]) => [state, event, expected] as const),
  )

  it.each(cells)('%s, on %s: %s', (state, event, expected) => {
    const drive = IN[state as ConnectionState['name']]()
    drive.on(EVENTS[event as ConnectionEvent['type']])
    const effects = drive.effects.map(({ type }) => type).join(' ')
    expect(`${drive.state.name}${effects === '' ? '' : `: ${effects}`}`).toBe(expected)
  })
})

describe('the connection', () => {
  it('keeps the same state object when nothing changes', () => {
    const drive = connected()
    const before = drive.state
    expect(drive.on(EVENTS.wake).state).toBe(before)
  })

  it('waits with full jitter, longer after each failure', () => {
    const drive = start().on(connect)
    const waits = [1, 2, 3, 4, 5].map(() => {
      drive.lost('network')
      const [, wait] = drive.effects
      drive.on({ type: 'retry' })
      return wait
    })
    expect(waits).toEqual([1000, 2000, 4000, 4000, 4000].map((ms) => ({ type: 'wait', ms })))
  })

  it('says when it will try again, and that it is trying', () => {
    const drive = connected().lost('network')
    expect(drive.state).toEqual({
      name: 'reconnecting',
      attempt: 2,
      retryAt: NOW + 1000,
      reason: 'network',
    })
    drive.after(400).on({ type: 'wake' })
    expect(drive.state).toMatchObject({ retryAt: NOW + 400 })
  })

  it('counts attempts anew once a connection lived for ten seconds', () => {
    expect(connected().after(STABLE_MS).lost('network').state).toMatchObject({ attempt: 1 })
    expect(
      connected()
        .after(STABLE_MS - 1)
        .lost('network').state,
    ).toMatchObject({ attempt: 2 })
  })

  it('waits at least as long as the server asked', () => {
    const error = new TidewireError('too_many_connections', 'Full.', { retryAfterMs: 30_000 })
    const drive = connected().lost('too_many_connections', error)
    expect(drive.effects).toContainEqual({ type: 'wait', ms: 31_000 })
  })

  it.each([
    ['does too much', 'rate_limited', 5000],
    ['has too many connections', 'too_many_connections', 30_000],
    ['is not served now', 'unavailable', 10_000],
  ] as const)('that %s is not woken before the server wants it back', (_, reason, retryAfterMs) => {
    const error = new TidewireError(reason, 'Later.', { retryAfterMs })
    const drive = connected().lost(reason, error)
    const { state } = drive
    expect(drive.after(retryAfterMs).on(EVENTS.wake).effects).toEqual([])
    expect(drive.state).toBe(state)
    expect(
      drive
        .after(1000)
        .on(EVENTS.wake)
        .effects.map(({ type }) => type),
    ).toEqual(['drop', 'open'])
    // Once: a later loss that says nothing is an ordinary one.
    drive.lost('network').after(1)
    expect(drive.on(EVENTS.wake).effects.map(({ type }) => type)).toEqual(['drop', 'open'])
  })

  it('tries at once when the app asks for it, whatever the server said', () => {
    const error = new TidewireError('too_many_connections', 'Full.', { retryAfterMs: 30_000 })
    const drive = connected().lost('too_many_connections', error).on(connect)
    expect(drive.effects.map(({ type }) => type)).toEqual(['drop', 'open'])
  })

  it('comes back when a server that shuts down asked for it', () => {
    const drive = connected().on(EVENTS.shutdown).after(2000).lost('server_shutdown')
    expect(drive.effects).toContainEqual({ type: 'wait', ms: 3000 })
    expect(drive.state).toMatchObject({ reason: 'server_shutdown', retryAt: NOW + 5000 })
    expect(drive.on(EVENTS.wake).effects).toEqual([])
    // What it asked for counts once.
    drive.after(3000).on({ type: 'retry' }).lost('network')
    expect(drive.effects).toContainEqual({ type: 'wait', ms: 2000 })
  })

  it('gives up after the given number of attempts, and begins anew when it is told to', () => {
    const drive = start({ maxAttempts: 2 }).on(connect).lost('network')
    drive.on({ type: 'retry' }).lost('network')
    expect(drive.state).toMatchObject({ name: 'failed', reason: 'attempts_exhausted' })
    expect(drive.on(connect).state).toEqual({
      name: 'connecting',
      transport: 'websocket',
      attempt: 1,
    })
  })

  it.each(['authentication_required', 'authentication_failed', 'session_expired'] as const)(
    'fails on %s with a token that never changes',
    (reason) => {
      const error = new TidewireError(reason, 'No.')
      const drive = connected().lost(reason, error)
      expect(drive.state).toEqual({ name: 'failed', reason, error })
    },
  )

  it.each(['authentication_required', 'authentication_failed', 'session_expired'] as const)(
    'asks for another token at once on %s, and waits when that is refused, too',
    (reason) => {
      const drive = connected({ renewable: true }).lost(reason)
      expect(drive.effects).toContainEqual({
        type: 'open',
        transport: 'websocket',
        token: 'refused',
      })
      drive.lost(reason)
      expect(drive.effects.map(({ type }) => type)).toEqual(['drop', 'wait'])
      expect(drive.on({ type: 'retry' }).effects).toContainEqual({
        type: 'open',
        transport: 'websocket',
        token: 'refused',
      })
    },
  )

  it('does not ask for another token because of a later failure of the network', () => {
    const drive = connected({ renewable: true }).lost('session_expired').lost('network')
    const [, open] = drive.on({ type: 'retry' }).effects
    expect(open).toEqual({ type: 'open', transport: 'websocket', token: 'connect' })
  })

  it.each(['origin_not_allowed', 'unauthorized', 'unsupported'] as const)(
    'fails on %s, which no retry mends',
    (reason) => {
      expect(connected({ renewable: true }).lost(reason).state.name).toBe('failed')
    },
  )

  it('falls back after two failures, and not because the server refused something', () => {
    const drive = start().on(connect)
    const tried = ['network', 'too_many_connections', 'timeout', 'network'] as const
    const opened = tried.map((reason) => {
      drive.lost(reason)
      const open = drive.on({ type: 'retry' }).effects.find(({ type }) => type === 'open')
      return open?.type === 'open' ? open.transport : undefined
    })
    expect(opened).toEqual(['websocket', 'websocket', 'sse', 'sse'])
  })

  it('tries WebSocket again on a fresh connect', () => {
    const drive = start().on(connect)
    for (let i = 0; i < 2; i++) drive.lost('timeout').on({ type: 'retry' })
    expect(drive.on(established).state).toMatchObject({ name: 'connected', transport: 'sse' })
    drive.on({ type: 'close' }).on(connect)
    expect(drive.state).toMatchObject({ transport: 'websocket' })
  })

  it('leaves a transport that turns out not to work here', () => {
    const drive = connected().lost('transport_unusable').on({ type: 'retry' })
    expect(drive.effects).toContainEqual({ type: 'open', transport: 'sse', token: 'connect' })
  })
})

describe('any order of events', () => {
  const reasons: DisconnectReason[] = [
    'network',
    'timeout',
    'session_expired',
    'authentication_failed',
    'transport_unusable',
    'token_unavailable',
    'slow_consumer',
    'server_shutdown',
    'unauthorized',
  ]
  const events = fc.array(
    fc.oneof(
      fc.constantFrom(...Object.values(EVENTS)),
      fc.constantFrom(...reasons).map((reason): ConnectionEvent => ({ type: 'lost', reason })),
    ),
    { maxLength: 80 },
  )
  const steps = fc.array(fc.nat({ max: 20_000 }), { minLength: 80, maxLength: 80 })

  it('keeps the invariants of SPEC.md', () => {
    fc.assert(
      fc.property(events, steps, fc.boolean(), (list, times, renewable) => {
        const drive = start({ renewable })
        let open = false
        let waiting = false
        let faults = 0
        let opensSinceWait = 0
        list.forEach((event, i) => {
          const before = drive.state
          drive.after(times[i]!).on(event)
          if (['connect', 'wake', 'retry'].includes(event.type)) opensSinceWait = 0
          if (before.name === 'connected' && drive.now - NOW > STABLE_MS) opensSinceWait = 0
          for (const { type } of drive.effects) {
            if (type === 'open') opensSinceWait += 1
            // I1: one transport at a time.
            faults += type === 'open' && open ? 1 : 0
            open = type === 'open' || (open && type !== 'drop')
            waiting = type === 'wait' || (waiting && type === 'probe')
          }
          expect(faults).toBe(0)
          const { name } = drive.state
          // I2: idle states hold nothing; the others hold a transport or a wait, never both.
          expect(open).toBe(drive.machine.attempting || name === 'connected')
          expect(waiting).toBe(name === 'reconnecting' && !drive.machine.attempting)
          // I3: no run of attempts without a wait: a new token, the first choice, what stands in for it.
          expect(opensSinceWait).toBeLessThanOrEqual(4)
        })
      }),
      { numRuns: 3000 },
    )
  })
})
