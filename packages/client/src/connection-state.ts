import { type Backoff, MAX_TOLD_DELAY_MS, toldDelay } from './backoff.ts'
import { TidewireError } from './errors.ts'
import { failed, freshPlan, succeeded, type TransportPlan, unusable } from './transport-plan.ts'
import type { ConnectionState, DisconnectReason, TokenContext, TransportName } from './types.ts'

/**
 * The connection, as a pure function. SPEC.md numbers its rules.
 *
 *                     connect                     established
 *   disconnected ─────────────────► connecting ─────────────────► connected
 *        ▲                           │  │  ▲                        │
 *        │ close (from anywhere)     │  │  └─ connect ── failed     │ lost
 *                               lost │  │ fatal            ▲        ▼
 *                                    │  └──────────────────┤   reconnecting ──┐
 *                                    └─────────────────────┼──► (waits, then  │ lost: longer wait
 *                                                          └──── attempts) ◄──┘
 */
export interface Connecting {
  readonly config: ConnectionConfig
  readonly state: ConnectionState
  /** An attempt is under way: a transport is being opened, or its token fetched. */
  readonly attempting: boolean
  /** The number of the current or coming attempt; starts again once a connection proved stable. */
  readonly attempt: number
  /** Tokens refused since a connection was last stable. */
  readonly refusals: number
  /** The last loss was a refused token: the coming attempt needs another one. */
  readonly refused: boolean
  readonly plan: TransportPlan
  /** When the connection was established. */
  readonly since: number
  /** Before then the server does not want this client back; 0: it did not say. */
  readonly returnAt: number
}

export interface ConnectionConfig {
  readonly backoff: Backoff
  readonly transports: readonly TransportName[]
  /** Whether another token can be asked for when one is refused. */
  readonly renewable: boolean
}

export type ConnectionEvent =
  /** The app wants a connection; also "retry now". */
  | { readonly type: 'connect' }
  | { readonly type: 'close' }
  | { readonly type: 'established'; readonly clientId: string; readonly user: string | undefined }
  /** The attempt failed, or the connection ended. */
  | { readonly type: 'lost'; readonly reason: DisconnectReason; readonly error?: TidewireError }
  /** The attempt took too long. */
  | { readonly type: 'timeout' }
  /** The wait between two attempts is over. */
  | { readonly type: 'retry' }
  /** The machine came online, or the page became visible. */
  | { readonly type: 'wake' }
  | { readonly type: 'shutdown'; readonly reconnectInMs: number }

/** To be carried out in order. Each of them ends the wait that came before. */
export type ConnectionEffect =
  | {
      readonly type: 'open'
      readonly transport: TransportName
      readonly token: TokenContext['reason']
    }
  /** Leave the transport or the attempt; nothing that it still says counts. */
  | { readonly type: 'drop' }
  /** Then comes `retry`. */
  | { readonly type: 'wait'; readonly ms: number }
  /** Ask the peer for a sign of life. */
  | { readonly type: 'probe' }

export interface Step {
  readonly machine: Connecting
  readonly effects: readonly ConnectionEffect[]
}

/** A connection that lived this long is stable: attempts and refused tokens are counted anew. */
export const STABLE_MS = 10_000

export function initialConnection(config: ConnectionConfig): Connecting {
  return {
    config,
    state: { name: 'disconnected', reason: 'initial' },
    attempting: false,
    attempt: 0,
    refusals: 0,
    refused: false,
    plan: freshPlan(config.transports),
    since: 0,
    returnAt: 0,
  }
}

/** `now` in `Date.now()` milliseconds, `random` in [0, 1). */
export function connectionStep(
  machine: Connecting,
  event: ConnectionEvent,
  now: number,
  random: number,
): Step {
  const handler = TRANSITIONS[machine.state.name][event.type] as Handler<ConnectionEvent>
  return handler(machine, event, now, random)
}

type Handler<Event> = (machine: Connecting, event: Event, now: number, random: number) => Step
type EventOf<Type> = Extract<ConnectionEvent, { type: Type }>

/** Every state × every event. A missing cell does not compile. */
type Transitions = Record<
  ConnectionState['name'],
  { readonly [Type in ConnectionEvent['type']]: Handler<EventOf<Type>> }
>

const stay = (machine: Connecting): Step => ({ machine, effects: [] })

const TRANSITIONS: Transitions = {
  disconnected: {
    connect: start,
    close,
    established: stay,
    lost: stay,
    timeout: stay,
    retry: stay,
    wake: stay,
    shutdown: stay,
  },
  connecting: {
    connect: stay,
    close,
    established,
    lost,
    timeout: (machine, _, now, random) => lost(machine, timedOut, now, random),
    retry: stay,
    wake: stay,
    shutdown: stay,
  },
  connected: {
    connect: stay,
    close,
    established: stay,
    lost,
    timeout: stay,
    retry: stay,
    wake: (machine) => ({ machine, effects: [{ type: 'probe' }] }),
    shutdown: (machine, { reconnectInMs }, now) => ({
      machine: { ...machine, returnAt: now + Math.min(reconnectInMs, MAX_TOLD_DELAY_MS) },
      effects: [],
    }),
  },
  reconnecting: {
    connect: retryNow,
    close,
    established,
    lost,
    timeout: (machine, _, now, random) => lost(machine, timedOut, now, random),
    retry: retryNow,
    // Not before the server said: a page that becomes visible would get around every limit.
    wake: (machine, event, now) =>
      now < machine.returnAt ? stay(machine) : retryNow(machine, event, now),
    shutdown: stay,
  },
  failed: {
    connect: start,
    close,
    established: stay,
    lost: stay,
    timeout: stay,
    retry: stay,
    wake: stay,
    shutdown: stay,
  },
}

const timedOut: EventOf<'lost'> = { type: 'lost', reason: 'timeout' }

function start({ config }: Connecting): Step {
  const plan = freshPlan(config.transports)
  const state = { name: 'connecting', transport: plan.current, attempt: 1 } as const
  return {
    machine: { ...initialConnection(config), state, plan, attempting: true, attempt: 1 },
    effects: [{ type: 'open', transport: plan.current, token: 'connect' }],
  }
}

function close(machine: Connecting): Step {
  const { state, config } = machine
  if (state.name === 'disconnected' && state.reason === 'closed') return stay(machine)
  return {
    machine: { ...initialConnection(config), state: { name: 'disconnected', reason: 'closed' } },
    effects: [{ type: 'drop' }],
  }
}

function established(
  machine: Connecting,
  { clientId, user }: EventOf<'established'>,
  now: number,
): Step {
  // A transport that was left already.
  if (!machine.attempting) return stay(machine)
  const { plan, keep } = succeeded(machine.plan)
  if (!keep) return attemptNow({ ...machine, plan }, 'connect', now)
  const state = { name: 'connected', transport: plan.current, clientId, user } as const
  return {
    machine: { ...machine, plan, state, attempting: false, since: now },
    effects: [],
  }
}

function retryNow(machine: Connecting, _: ConnectionEvent, now: number): Step {
  if (machine.attempting) return stay(machine)
  return attemptNow(machine, machine.refused ? 'refused' : 'connect', now)
}

/** Opens what the plan says, in `connecting` if this client was never connected, else in `reconnecting`. */
function attemptNow(machine: Connecting, token: TokenContext['reason'], now: number): Step {
  const { plan, attempt, state } = machine
  const next: ConnectionState =
    state.name === 'reconnecting'
      ? { ...state, attempt, retryAt: Math.min(state.retryAt, now) }
      : { name: 'connecting', transport: plan.current, attempt }
  return {
    machine: { ...machine, state: next, attempting: true, returnAt: 0 },
    effects: [{ type: 'drop' }, { type: 'open', transport: plan.current, token }],
  }
}

function lost(machine: Connecting, event: EventOf<'lost'>, now: number, random: number): Step {
  const { state, config, since } = machine
  const connected = state.name === 'connected'
  if (!connected && !machine.attempting) return stay(machine)
  const stable = connected && now - since >= STABLE_MS
  const refused = AUTHENTICATION.has(event.reason)
  const after: Connecting = {
    ...machine,
    attempting: false,
    attempt: stable ? 1 : machine.attempt + 1,
    refusals: (stable ? 0 : machine.refusals) + (refused ? 1 : 0),
    refused,
    plan: planAfter(machine, event.reason),
  }
  if (FATAL.has(event.reason) || (refused && !config.renewable)) {
    return fail(after, event.reason, event.error)
  }
  if (after.attempt > config.backoff.maxAttempts) {
    return fail(after, 'attempts_exhausted', exhausted(config.backoff.maxAttempts, event))
  }
  // One refused token is ordinary: it expired. Its successor is tried without a wait.
  if (refused && after.refusals === 1) {
    const trying = connected ? reconnecting(after, now, event.reason) : after
    return attemptNow(trying, 'refused', now)
  }
  const told = event.error?.retryAfterMs
  // A server that shuts down has spread its clients already.
  const ms =
    machine.returnAt > 0
      ? Math.max(0, machine.returnAt - now)
      : toldDelay(config.backoff, after.attempt, random, told)
  const retryAt = now + ms
  const returnAt = told === undefined ? machine.returnAt : retryAt
  return {
    machine: reconnecting({ ...after, returnAt }, retryAt, event.reason),
    effects: [{ type: 'drop' }, { type: 'wait', ms }],
  }
}

/** Only attempts that did not reach the server speak against their transport. */
function planAfter({ plan, attempting }: Connecting, reason: DisconnectReason): TransportPlan {
  if (reason === 'transport_unusable') return unusable(plan)
  const unreached = attempting && (reason === 'network' || reason === 'timeout')
  return unreached ? failed(plan, reason === 'timeout') : plan
}

function reconnecting(machine: Connecting, retryAt: number, reason: DisconnectReason): Connecting {
  return {
    ...machine,
    state: { name: 'reconnecting', attempt: machine.attempt, retryAt, reason },
  }
}

function fail(
  machine: Connecting,
  reason: DisconnectReason,
  error: TidewireError | undefined,
): Step {
  const known = error ?? new TidewireError('connection_failed', `The connection failed: ${reason}.`)
  return {
    machine: { ...machine, state: { name: 'failed', reason, error: known } },
    effects: [{ type: 'drop' }],
  }
}

function exhausted(attempts: number, { reason, error }: EventOf<'lost'>): TidewireError {
  return new TidewireError(
    'connection_failed',
    `No connection after ${attempts} attempts (${reason}). Call connect() to try again.`,
    { temporary: true, cause: error },
  )
}

/** A new token may mend these. */
const AUTHENTICATION: ReadonlySet<DisconnectReason> = new Set<DisconnectReason>([
  'authentication_required',
  'authentication_failed',
  'session_expired',
])
/** No retry mends these. */
const FATAL: ReadonlySet<DisconnectReason> = new Set<DisconnectReason>([
  'origin_not_allowed',
  'unauthorized',
  'unsupported',
])
