import type { Position, Publication } from '@tidewire/protocol'
import { type Backoff, toldDelay } from './backoff.ts'
import type { TidewireError } from './errors.ts'
import type { Reset, Subscribed, SubscribeOptions, SubscriptionState } from './types.ts'

/**
 * One channel, as a pure function. SPEC.md numbers its rules; the first: between two markers (`live`, `reset`) the
 * app is handed every offset once, in order.
 *
 *                  subscribe                    subscribed
 *   unsubscribed ─────────────► subscribing ─────────────────► subscribed ──┐
 *        ▲                        │   ▲   offline, gap, ended    │   ▲      │ publication, reset
 *        │ unsubscribe, refused   │   └──── for a moment ────────┤   └──────┘
 *        └────────────────────────┴──────── ended for good ──────┘
 */
export interface Subscribing {
  readonly state: SubscriptionState
  readonly wish: Wish
  /** Of the last publication handed to the app, else where the stream started. */
  readonly position: Position | undefined
  /** The connection carries frames. */
  readonly online: boolean
  /** Counts the `subscribe` frames: only the answer to the last one counts. */
  readonly ask: number
  /** That frame is not answered yet. */
  readonly asking: boolean
  /** Temporary refusals in a row with no delivery between them. */
  readonly refusals: number
  /** Gaps in a row with no delivery between them. */
  readonly gaps: number
}

/** What `subscribe` was called with. */
export type Wish = Pick<SubscribeOptions, 'since' | 'last' | 'mode' | 'intervalMs'>

export type SubscriptionEvent =
  | { readonly type: 'subscribe'; readonly wish: Wish }
  | { readonly type: 'unsubscribe' }
  | { readonly type: 'online' }
  | { readonly type: 'offline' }
  /** The answer to the `subscribe` frame numbered `ask`. */
  | { readonly type: 'subscribed'; readonly ask: number; readonly answer: Subscribed }
  | { readonly type: 'refused'; readonly ask: number; readonly error: TidewireError }
  /** The server ended the subscription because of `error`, or confirmed that it did. */
  | { readonly type: 'unsubscribed'; readonly error: TidewireError }
  | { readonly type: 'publication'; readonly publication: Publication }
  | { readonly type: 'reset'; readonly reset: Reset }
  /** The wait after a temporary refusal is over. */
  | { readonly type: 'retry' }

/** To be carried out in order. */
export type SubscriptionEffect =
  | {
      readonly type: 'ask'
      readonly ask: number
      readonly wish: Wish
      readonly since: Position | undefined
    }
  | { readonly type: 'leave' }
  | { readonly type: 'deliver'; readonly publication: Publication }
  | { readonly type: 'reset'; readonly reset: Reset }
  /** Answers every `subscribe()` that waits. */
  | { readonly type: 'live'; readonly answer: Subscribed }
  | { readonly type: 'refused'; readonly error: TidewireError }
  /** Then comes `retry`. */
  | { readonly type: 'wait'; readonly ms: number }

export interface SubscriptionStep {
  readonly machine: Subscribing
  readonly effects: readonly SubscriptionEffect[]
}

/** A gap that two resumptions did not close is told to the app as a `reset`. */
export const MAX_GAPS = 2

const UNSUBSCRIBED: SubscriptionState = { name: 'unsubscribed' }
const SUBSCRIBING: SubscriptionState = { name: 'subscribing' }

export function initialSubscription(online: boolean): Subscribing {
  return {
    state: UNSUBSCRIBED,
    wish: {},
    position: undefined,
    online,
    ask: 0,
    asking: false,
    refusals: 0,
    gaps: 0,
  }
}

export function subscriptionStep(
  machine: Subscribing,
  event: SubscriptionEvent,
  backoff: Backoff,
  random: number,
): SubscriptionStep {
  const handler = TRANSITIONS[machine.state.name][event.type] as Handler<SubscriptionEvent>
  return handler(machine, event, backoff, random)
}

type Handler<Event> = (
  machine: Subscribing,
  event: Event,
  backoff: Backoff,
  random: number,
) => SubscriptionStep
type EventOf<Type> = Extract<SubscriptionEvent, { type: Type }>

/** Every state × every event. A missing cell does not compile. */
type Transitions = Record<
  SubscriptionState['name'],
  { readonly [Type in SubscriptionEvent['type']]: Handler<EventOf<Type>> }
>

const stay = (machine: Subscribing): SubscriptionStep => ({ machine, effects: [] })

const TRANSITIONS: Transitions = {
  unsubscribed: {
    subscribe: (machine, { wish }) =>
      ask({ ...machine, wish, position: wish.since, refusals: 0, gaps: 0 }),
    unsubscribe: stay,
    online: (machine) => stay({ ...machine, online: true }),
    offline: (machine) => stay({ ...machine, online: false }),
    subscribed: stay,
    refused: stay,
    unsubscribed: stay,
    publication: stay,
    reset: stay,
    retry: stay,
  },
  subscribing: {
    subscribe: stay,
    unsubscribe: leave,
    online: (machine) => ask({ ...machine, online: true }),
    offline: (machine) => stay({ ...machine, online: false, asking: false }),
    subscribed,
    refused: (machine, event, backoff, random) =>
      machine.asking && event.ask === machine.ask
        ? refused(machine, event, backoff, random)
        : stay(machine),
    // Late: the confirmation of an `unsubscribe` that this `subscribe` followed, or of the stream that ended.
    unsubscribed: stay,
    // Late: of the stream that ended. What counts comes after `subscribed`.
    publication: stay,
    reset: stay,
    retry: (machine) => (machine.online && !machine.asking ? ask(machine) : stay(machine)),
  },
  subscribed: {
    subscribe: stay,
    unsubscribe: leave,
    online: stay,
    offline: (machine) => stay({ ...machine, state: SUBSCRIBING, online: false, asking: false }),
    subscribed: stay,
    refused: stay,
    unsubscribed: refused,
    publication,
    reset,
    retry: stay,
  },
}

/** Asks for the stream, from the position if there is one; offline it waits for `online`. */
function ask(machine: Subscribing): SubscriptionStep {
  const state = SUBSCRIBING
  if (!machine.online) return stay({ ...machine, state, asking: false })
  const { wish, position } = machine
  const number = machine.ask + 1
  return {
    machine: { ...machine, state, ask: number, asking: true },
    effects: [{ type: 'ask', ask: number, wish, since: position }],
  }
}

function leave(machine: Subscribing): SubscriptionStep {
  return {
    machine: { ...machine, state: UNSUBSCRIBED, asking: false },
    effects: machine.online ? [{ type: 'leave' }] : [],
  }
}

function subscribed(
  machine: Subscribing,
  { ask: number, answer }: EventOf<'subscribed'>,
): SubscriptionStep {
  if (!machine.asking || number !== machine.ask) return stay(machine)
  const { epoch, offset, recovered } = answer
  const start = epoch === undefined ? undefined : { epoch, offset }
  const lost = lostBetween(machine, answer)
  // The server may start again from before the position: what the app has already is dropped by its offset.
  const position =
    lost === undefined && start !== undefined ? later(machine.position, start) : start
  const next: Subscribing = {
    ...machine,
    state: { name: 'subscribed', recovered: recovered && lost === undefined, position: start },
    asking: false,
    position,
  }
  const live: SubscriptionEffect = { type: 'live', answer }
  return {
    machine: next,
    effects: lost === undefined ? [live] : [{ type: 'reset', reset: lost }, live],
  }
}

/** What the app must be told when a stream does not go on from the position it holds. */
function lostBetween({ position }: Subscribing, answer: Subscribed): Reset | undefined {
  if (position === undefined) return undefined
  const { epoch = position.epoch, offset, recovered, reason } = answer
  // Whatever it says of itself: a stream that begins later, or in another epoch, leaves a hole.
  const holds = recovered && epoch === position.epoch && offset <= position.offset
  if (holds) return undefined
  const told = epoch === position.epoch ? 'expired' : 'epoch_changed'
  return { epoch, offset, reason: reason ?? told }
}

function later(held: Position | undefined, start: Position): Position {
  return held !== undefined && held.epoch === start.epoch && held.offset > start.offset
    ? held
    : start
}

/** The stream is not given, or taken away: for good, or until it is asked for again from the same position. */
function refused(
  machine: Subscribing,
  { error }: { readonly error: TidewireError },
  backoff: Backoff,
  random: number,
): SubscriptionStep {
  const temporary = error.temporary
  const refusals = machine.refusals + 1
  const ms = toldDelay(backoff, refusals, random, error.retryAfterMs)
  return {
    machine: {
      ...machine,
      state: temporary ? SUBSCRIBING : { name: 'unsubscribed', error },
      asking: false,
      refusals,
    },
    effects: [temporary ? { type: 'wait', ms } : { type: 'refused', error }],
  }
}

function publication(
  machine: Subscribing,
  { publication }: EventOf<'publication'>,
): SubscriptionStep {
  const { position, wish, gaps } = machine
  const { offset } = publication.metadata
  const deliver: SubscriptionEffect = { type: 'deliver', publication }
  // Without a log there are no offsets, and an event without one is not in the log.
  if (offset === undefined || position === undefined) return { machine, effects: [deliver] }
  if (offset <= position.offset) return stay(machine)
  const next: Subscribing = {
    ...machine,
    position: { epoch: position.epoch, offset },
    refusals: 0,
    gaps: 0,
  }
  // Conflation skips offsets by design.
  if (offset === position.offset + 1 || wish.mode === 'latest') {
    return { machine: next, effects: [deliver] }
  }
  if (gaps < MAX_GAPS) return ask({ ...machine, gaps: gaps + 1 })
  const reset: Reset = { epoch: position.epoch, offset: offset - 1, reason: 'expired' }
  return { machine: next, effects: [{ type: 'reset', reset }, deliver] }
}

function reset(machine: Subscribing, { reset }: EventOf<'reset'>): SubscriptionStep {
  const { epoch, offset } = reset
  return {
    // Within an epoch the position never goes back: the app would be handed offsets twice.
    machine: { ...machine, position: later(machine.position, { epoch, offset }), gaps: 0 },
    effects: [{ type: 'reset', reset }],
  }
}
