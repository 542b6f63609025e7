import type { Position, Publication } from '@tidewire/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffOf } from './backoff.ts'
import { TidewireError } from './errors.ts'
import {
  initialSubscription,
  type SubscriptionEffect,
  type SubscriptionEvent,
  subscriptionStep,
} from './subscription-state.ts'
import { FakeLogs } from './testing/fake-logs.ts'
import type { Subscribed, SubscriptionState } from './types.ts'

const CHANNEL = 'chat:a'
const unavailable = new TidewireError('unavailable', 'Later.')

/** What the world may do to a subscription. */
const DEEDS = [
  'publish',
  'publish',
  'receive',
  'receive',
  'receive',
  'lose',
  'double',
  'disconnect',
  'connect',
  'stale answer',
  'subscribe',
  'subscribe since',
  'unsubscribe',
  'refuse',
  'retry',
  'trim',
  'wipe',
  'server reset',
  'server resets to before',
  'overlap',
  'server unsubscribes',
  'server unsubscribes for a moment',
  'answer times out',
] as const
type Deed = (typeof DEEDS)[number]

/**
 * A server, a connection that keeps order but may end or lose deliveries, and an app that checks what it is handed:
 * between two markers every offset once, in order, and the content that the log of that epoch holds.
 */
class World {
  readonly #logs = new FakeLogs()
  #machine = initialSubscription(false)
  /** Frames on their way to the client. */
  #wire: SubscriptionEvent[] = []
  #streaming = false
  #online = false
  /** The server resumes from before the position. */
  #overlap = false
  /** Where the app stands; `undefined` before the first marker. */
  #app: Position | undefined
  #ids = 0
  delivered = 0
  resets = 0

  do(deed: Deed): void {
    switch (deed) {
      case 'publish':
        return this.#publish()
      case 'receive':
        return this.#receive()
      case 'lose':
        if (this.#wire[0]?.type === 'publication') this.#wire.shift()
        return undefined
      case 'double':
        if (this.#wire[0]?.type === 'publication') this.#wire.unshift(this.#wire[0])
        return undefined
      case 'disconnect':
        return this.#disconnect()
      case 'connect':
        if (this.#online) return undefined
        this.#online = true
        return this.#tell({ type: 'online' })
      case 'stale answer':
        return this.#tell({
          type: 'subscribed',
          ask: this.#machine.ask - 1,
          answer: { epoch: 'old', offset: 99, recovered: true },
        })
      case 'subscribe':
        return this.#subscribe(undefined)
      case 'subscribe since':
        return this.#subscribe(this.#machine.position ?? { epoch: 'e1', offset: 0 })
      case 'unsubscribe':
        return this.#tell({ type: 'unsubscribe' })
      case 'refuse':
        if (!this.#machine.asking) return undefined
        this.#wire = []
        this.#streaming = false
        return this.#tell({
          type: 'refused',
          ask: this.#machine.ask,
          error: unavailable,
        })
      case 'retry':
        return this.#tell({ type: 'retry' })
      case 'trim':
        return this.#logs.trim(CHANNEL, 1)
      case 'wipe':
        this.#logs.wipe(CHANNEL)
        return this.#serverReset('epoch_changed')
      case 'server reset':
        return this.#serverReset('expired')
      case 'server resets to before':
        return this.#resetToBefore()
      case 'overlap':
        this.#overlap = !this.#overlap
        return undefined
      case 'server unsubscribes':
        return this.#end(new TidewireError('forbidden', 'Not any more.'))
      case 'server unsubscribes for a moment':
        return this.#end(unavailable)
      case 'answer times out':
        if (this.#machine.asking) this.#disconnect()
    }
  }

  /** The faults are over: the app must come to stand where the log does. */
  settle(): void {
    if (this.#state().name === 'unsubscribed') return
    if (this.#machine.asking && !this.#wire.some(({ type }) => type === 'subscribed')) {
      this.#disconnect()
    }
    this.do('connect')
    this.do('retry')
    // What was lost last shows when something follows.
    this.#publish()
    while (this.#wire.length > 0) {
      this.#receive()
      // What was ended for a moment is asked for again.
      this.do('retry')
    }
    const { name } = this.#state()
    if (name === 'unsubscribed') return
    expect(name).toBe('subscribed')
    expect(this.#app).toEqual(this.#logs.position(CHANNEL))
  }

  // A method, because it changes during calls that narrowing does not see.
  #state(): SubscriptionState {
    return this.#machine.state
  }

  #publish(): void {
    this.#ids += 1
    const { epoch } = this.#logs.of(CHANNEL)
    const publication = this.#logs.append(CHANNEL, 'message', { epoch }, `${this.#ids}`)
    if (this.#streaming) this.#wire.push({ type: 'publication', publication })
  }

  #receive(): void {
    const event = this.#wire.shift()
    if (event !== undefined) this.#tell(event)
  }

  #disconnect(): void {
    this.#wire = []
    this.#streaming = false
    this.#online = false
    this.#tell({ type: 'offline' })
  }

  #subscribe(since: Position | undefined): void {
    if (this.#machine.state.name === 'unsubscribed') this.#app = since
    this.#tell({ type: 'subscribe', wish: { since } })
  }

  #end(error: TidewireError): void {
    if (this.#streaming) this.#wire.push({ type: 'unsubscribed', error })
    this.#streaming = false
  }

  #serverReset(reason: 'expired' | 'epoch_changed'): void {
    if (!this.#streaming) return
    this.#wire.push({ type: 'reset', reset: { ...this.#logs.position(CHANNEL), reason } })
  }

  /** The stream goes on from a place that the client may have passed. */
  #resetToBefore(): void {
    if (!this.#streaming) return
    const { epoch, dropped, entries } = this.#logs.of(CHANNEL)
    const offset = Math.max(dropped, dropped + entries.length - 2)
    this.#wire.push({ type: 'reset', reset: { epoch, offset, reason: 'expired' } })
    for (const publication of entries.slice(offset - dropped)) {
      this.#wire.push({ type: 'publication', publication })
    }
  }

  #answer(since: Position | undefined): void {
    const first = this.#logs.of(CHANNEL).dropped
    const early = since && { epoch: since.epoch, offset: Math.max(first, since.offset - 2) }
    const start = { channel: CHANNEL, since: this.#overlap ? early : since }
    const { subscribed, missed } = this.#logs.start(start)
    const { channel: _, ...answer } = subscribed
    this.#streaming = true
    this.#wire.push({
      type: 'subscribed',
      ask: this.#machine.ask,
      answer: answer as unknown as Subscribed,
    })
    for (const publication of missed) this.#wire.push({ type: 'publication', publication })
  }

  #tell(event: SubscriptionEvent): void {
    const { machine, effects } = subscriptionStep(this.#machine, event, backoffOf(), 0)
    this.#machine = machine
    for (const effect of effects) this.#carryOut(effect)
    expect(machine.position ?? this.#app).toEqual(this.#app)
  }

  #carryOut(effect: SubscriptionEffect): void {
    switch (effect.type) {
      case 'ask':
        return this.#answer(effect.since)
      case 'leave':
        this.#streaming = false
        // As the server's confirmation: the reason of an end that did not happen.
        this.#wire.push({ type: 'unsubscribed', error: unavailable })
        return
      case 'live':
        this.#app ??= { epoch: effect.answer.epoch!, offset: effect.answer.offset }
        return
      case 'reset':
        return this.#mark(effect.reset)
      case 'deliver':
        return this.#deliver(effect.publication)
      case 'wait':
      case 'refused':
    }
  }

  #mark({ epoch, offset }: Position): void {
    this.resets += 1
    const ahead = this.#app?.epoch === epoch && this.#app.offset > offset
    if (!ahead) this.#app = { epoch, offset }
  }

  #deliver({ payload, metadata }: Publication): void {
    this.delivered += 1
    expect(this.#app).toBeDefined()
    expect(payload['epoch']).toBe(this.#app!.epoch)
    expect(metadata.offset).toBe(this.#app!.offset + 1)
    this.#app = { epoch: this.#app!.epoch, offset: metadata.offset! }
  }
}

describe('any order of what can happen to a subscription', () => {
  it('gives the app no hole and no duplicate, and brings it to the end of the log', () => {
    let delivered = 0
    let resets = 0
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...DEEDS), { maxLength: 120, size: 'max' }), (deeds) => {
        const world = new World()
        world.do('subscribe')
        world.do('connect')
        for (const deed of deeds) world.do(deed)
        world.settle()
        delivered += world.delivered
        resets += world.resets
      }),
      { numRuns: 3000 },
    )
    // The runs did something.
    expect(delivered).toBeGreaterThan(3000)
    expect(resets).toBeGreaterThan(300)
  })
})
