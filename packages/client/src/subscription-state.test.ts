import type { Position, Publication } from '@tidewire/protocol'
import { describe, expect, it } from 'vitest'
import { backoffOf } from './backoff.ts'
import { TidewireError } from './errors.ts'
import {
  initialSubscription,
  MAX_GAPS,
  type Subscribing,
  type SubscriptionEffect,
  type SubscriptionEvent,
  subscriptionStep,
  type Wish,
} from './subscription-state.ts'
import type { Subscribed, SubscriptionState } from './types.ts'

class Drive {
  effects: readonly SubscriptionEffect[] = []
  machine: Subscribing

  constructor(online = true) {
    this.machine = initialSubscription(online)
  }

  get state(): SubscriptionState {
    return this.machine.state
  }

  get kinds(): string {
    return this.effects.map(({ type }) => type).join(' ')
  }

  on(event: SubscriptionEvent): this {
    const step = subscriptionStep(this.machine, event, backoffOf(), 0.5)
    this.machine = step.machine
    this.effects = step.effects
    return this
  }

  subscribe(wish: Wish = {}): this {
    return this.on({ type: 'subscribe', wish })
  }

  subscribed(answer: Partial<Subscribed> = {}): this {
    const full = { epoch: 'e1', offset: 10, recovered: false, ...answer }
    return this.on({ type: 'subscribed', ask: this.machine.ask, answer: full })
  }

  receive(offset?: number): this {
    return this.on({ type: 'publication', publication: publicationAt(offset) })
  }
}

function publicationAt(offset?: number): Publication {
  const metadata = { message_id: `m${offset}`, timestamp: '', channel: 'chat:a' }
  return {
    type: 'message',
    payload: {},
    metadata: offset === undefined ? metadata : { ...metadata, offset },
  }
}

const at = (offset: number, epoch = 'e1'): Position => ({ epoch, offset })
const live = (wish?: Wish): Drive => new Drive().subscribe(wish).subscribed()

const IN: Record<SubscriptionState['name'], () => Drive> = {
  unsubscribed: () => new Drive(),
  subscribing: () => new Drive().subscribe(),
  subscribed: () => live(),
}

const forbidden = new TidewireError('forbidden', 'No.')
const temporary = new TidewireError('unavailable', 'Later.')
const EVENTS: Record<SubscriptionEvent['type'], SubscriptionEvent> = {
  subscribe: { type: 'subscribe', wish: {} },
  unsubscribe: { type: 'unsubscribe' },
  online: { type: 'online' },
  offline: { type: 'offline' },
  subscribed: { type: 'subscribed', ask: 1, answer: { epoch: 'e1', offset: 3, recovered: false } },
  refused: { type: 'refused', ask: 1, error: forbidden },
  unsubscribed: { type: 'unsubscribed', error: forbidden },
  publication: { type: 'publication', publication: publicationAt(11) },
  reset: { type: 'reset', reset: { epoch: 'e2', offset: 4, reason: 'epoch_changed' } },
  retry: { type: 'retry' },
}

type Expected = `${SubscriptionState['name']}${string}`

const TABLE: Record<SubscriptionState['name'], Record<SubscriptionEvent['type'], Expected>> = {
  unsubscribed: {
    subscribe: 'subscribing: ask',
    unsubscribe: 'unsubscribed',
    online: 'unsubscribed',
    offline: 'unsubscribed',
    subscribed: 'unsubscribed',
    refused: 'unsubscribed',
    unsubscribed: 'unsubscribed',
    publication: 'unsubscribed',
    reset: 'unsubscribed',
    retry: 'unsubscribed',
  },
  subscribing: {
    subscribe: 'subscribing',
    unsubscribe: 'unsubscribed: leave',
    online: 'subscribing: ask',
    offline: 'subscribing',
    subscribed: 'subscribed: live',
    refused: 'unsubscribed: refused',
    unsubscribed: 'subscribing',
    publication: 'subscribing',
    reset: 'subscribing',
    retry: 'subscribing',
  },
  subscribed: {
    subscribe: 'subscribed',
    unsubscribe: 'unsubscribed: leave',
    online: 'subscribed',
    offline: 'subscribing',
    subscribed: 'subscribed',
    refused: 'subscribed',
    unsubscribed: 'unsubscribed: refused',
    publication: 'subscribed: deliver',
    reset: 'subscribed: reset',
    retry: 'subscribed',
  },
}

describe('the transition table of a subscription', () => {
  const cells = Object.entries(TABLE).flatMap(([state, events]) =>
    Object.entries(events).map(([event, expected]) => [state, event, expected] as const),
  )

  it.each(cells)('%s, on %s: %s', (state, event, expected) => {
    const drive = IN[state as SubscriptionState['name']]()
    drive.on(EVENTS[event as SubscriptionEvent['type']])
    expect(`${drive.state.name}${drive.kinds === '' ? '' : `: ${drive.kinds}`}`).toBe(expected)
  })
})

describe('a subscription', () => {
  it('hands over what follows, once, in order', () => {
    const drive = live()
    expect(drive.receive(11).kinds).toBe('deliver')
    expect(drive.receive(11).kinds).toBe('')
    expect(drive.receive(10).kinds).toBe('')
    expect(drive.receive(12).kinds).toBe('deliver')
    expect(drive.machine.position).toEqual(at(12))
  })

  it('asks again from its position when offsets are missing, and hands over nothing meanwhile', () => {
    const drive = live().receive(11).receive(14)
    expect(drive.effects).toEqual([{ type: 'ask', ask: 2, wish: {}, since: at(11) }])
    expect(drive.state.name).toBe('subscribing')
    expect(drive.receive(15).kinds).toBe('')
    expect(drive.subscribed({ offset: 11, recovered: true }).kinds).toBe('live')
    expect(drive.receive(12).kinds).toBe('deliver')
  })

  it('tells a gap that the server cannot close, instead of asking for ever', () => {
    const drive = live()
    for (let i = 0; i < MAX_GAPS; i++) {
      expect(drive.receive(13).kinds).toBe('ask')
      drive.subscribed({ offset: 10, recovered: true })
    }
    drive.receive(13)
    expect(drive.effects).toEqual([
      { type: 'reset', reset: { epoch: 'e1', offset: 12, reason: 'expired' } },
      { type: 'deliver', publication: publicationAt(13) },
    ])
    expect(drive.machine.position).toEqual(at(13))
  })

  it('skips offsets without a word in mode `latest`, but still drops duplicates', () => {
    const drive = live({ mode: 'latest' })
    expect(drive.receive(15).kinds).toBe('deliver')
    expect(drive.receive(14).kinds).toBe('')
  })

  it('hands over everything of a channel without a log', () => {
    const drive = new Drive().subscribe()
    drive.on({ type: 'subscribed', ask: 1, answer: { offset: 0, recovered: false } })
    expect(drive.state).toEqual({ name: 'subscribed', recovered: false, position: undefined })
    expect(drive.receive().kinds).toBe('deliver')
    expect(drive.receive().kinds).toBe('deliver')
    expect(drive.machine.position).toBeUndefined()
  })

  it('hands over an event without an offset in a channel with a log', () => {
    const drive = live()
    expect(drive.receive().kinds).toBe('deliver')
    expect(drive.machine.position).toEqual(at(10))
  })

  it('resumes from its position after the connection was lost', () => {
    const drive = live().receive(11).on({ type: 'offline' })
    expect(drive.state.name).toBe('subscribing')
    drive.on({ type: 'online' })
    expect(drive.effects).toEqual([{ type: 'ask', ask: 2, wish: {}, since: at(11) }])
    drive.subscribed({ offset: 11, recovered: true })
    expect(drive.state).toEqual({ name: 'subscribed', recovered: true, position: at(11) })
    expect(drive.kinds).toBe('live')
  })

  it.each(['expired', 'epoch_changed'] as const)(
    'tells the app when its position is %s',
    (reason) => {
      const drive = live().on({ type: 'offline' }).on({ type: 'online' })
      const epoch = reason === 'expired' ? 'e1' : 'e2'
      drive.subscribed({ epoch, offset: 50, recovered: false, reason })
      expect(drive.effects[0]).toEqual({ type: 'reset', reset: { epoch, offset: 50, reason } })
      expect(drive.kinds).toBe('reset live')
      expect(drive.receive(51).kinds).toBe('deliver')
    },
  )

  it('tells no reset when it held no position', () => {
    expect(new Drive().subscribe().subscribed({ recovered: false }).kinds).toBe('live')
  })

  it('does not believe a recovery that begins too late or in another epoch', () => {
    for (const answer of [{ offset: 12 }, { offset: 10, epoch: 'e2' }]) {
      const drive = live().on({ type: 'offline' }).on({ type: 'online' })
      expect(drive.subscribed({ ...answer, recovered: true }).kinds).toBe('reset live')
      expect(drive.state).toMatchObject({ recovered: false })
    }
  })

  it('hears only the answer to its last question', () => {
    const drive = new Drive().subscribe().on({ type: 'unsubscribe' }).subscribe()
    const answer = { epoch: 'e1', offset: 5, recovered: false }
    expect(drive.on({ type: 'subscribed', ask: 1, answer }).state.name).toBe('subscribing')
    expect(drive.on({ type: 'subscribed', ask: 2, answer }).state.name).toBe('subscribed')
  })

  it('waits for the connection', () => {
    const drive = new Drive(false).subscribe({ last: 5 })
    expect([drive.state.name, drive.kinds]).toEqual(['subscribing', ''])
    drive.on({ type: 'online' })
    expect(drive.effects).toEqual([{ type: 'ask', ask: 1, wish: { last: 5 }, since: undefined }])
  })

  it('asks again after a temporary refusal, and not before', () => {
    const drive = new Drive().subscribe().on({ type: 'refused', ask: 1, error: temporary })
    expect(drive.effects).toEqual([{ type: 'wait', ms: 125 }])
    expect(drive.state.name).toBe('subscribing')
    expect(drive.on({ type: 'retry' }).kinds).toBe('ask')
  })

  it('keeps the reason of a refusal for good', () => {
    const drive = new Drive().subscribe().on(EVENTS.refused)
    expect(drive.state).toEqual({ name: 'unsubscribed', error: forbidden })
  })

  it('keeps the reason for which the server ended it', () => {
    const drive = live().on(EVENTS.unsubscribed)
    expect(drive.state).toEqual({ name: 'unsubscribed', error: forbidden })
    expect(drive.on({ type: 'retry' }).kinds).toBe('')
    expect(drive.on({ type: 'online' }).kinds).toBe('')
  })

  it('asks again from its position when the server ended it for a moment', () => {
    const drive = live().receive(11).on({ type: 'unsubscribed', error: temporary })
    expect(drive.state.name).toBe('subscribing')
    expect(drive.effects).toEqual([{ type: 'wait', ms: 125 }])
    // Late, of the stream that ended.
    expect(drive.receive(12).kinds).toBe('')
    drive.on({ type: 'retry' })
    expect(drive.effects).toEqual([{ type: 'ask', ask: 2, wish: {}, since: at(11) }])
    expect(drive.subscribed({ offset: 11, recovered: true }).kinds).toBe('live')
  })

  it('asks no sooner than the server said', () => {
    const busy = new TidewireError('rate_limited', 'Slower.', { retryAfterMs: 3000 })
    const refused = new Drive().subscribe().on({ type: 'refused', ask: 1, error: busy })
    expect(refused.effects).toEqual([{ type: 'wait', ms: 3125 }])
    const ended = live().on({ type: 'unsubscribed', error: busy })
    expect(ended.effects).toEqual([{ type: 'wait', ms: 3125 }])
  })

  it('waits longer each time that it is given and taken away, until it delivers', () => {
    const drive = new Drive().subscribe()
    const waits = [1, 2, 3].map(() => {
      drive.subscribed({ recovered: true }).on({ type: 'unsubscribed', error: temporary })
      const { effects } = drive
      drive.on({ type: 'retry' })
      return effects
    })
    expect(waits.flat()).toEqual([125, 250, 500].map((ms) => ({ type: 'wait', ms })))
    drive.subscribed({ recovered: true }).receive(11)
    drive.on({ type: 'unsubscribed', error: temporary })
    expect(drive.effects).toEqual([{ type: 'wait', ms: 125 }])
  })

  it('never goes back within an epoch, whatever a reset says', () => {
    const drive = live().on({
      type: 'reset',
      reset: { epoch: 'e1', offset: 4, reason: 'expired' },
    })
    expect(drive.kinds).toBe('reset')
    expect(drive.machine.position).toEqual(at(10))
  })
})
