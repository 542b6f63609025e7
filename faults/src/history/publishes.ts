import type { Findings } from './anomalies.ts'
import type { HistoryEvent, PublishAcked, PublishEvent, PublishInvoked } from './events.ts'
import type { ObservedLogs } from './logs.ts'

/** Everything that is known of one value. */
export interface Published {
  readonly first: PublishInvoked
  invocations: number
  refusals: number
  acks: PublishAcked[]
  /** The first event by which somebody knew that it is in a log. */
  known: HistoryEvent | undefined
}

/** Follows publications from the publishers' side: what may be seen, and which key has which place. */
export class Publishes {
  readonly byValue = new Map<string, Published>()
  acked = 0
  refused = 0
  /** Answers `duplicate: true`. */
  duplicates = 0
  readonly #keys = new Map<string, Map<string, { epoch: string; offset: number; value: string }>>()
  readonly #findings: Findings
  readonly #logs: ObservedLogs

  constructor(findings: Findings, logs: ObservedLogs) {
    this.#findings = findings
    this.#logs = logs
  }

  see(event: PublishEvent): void {
    if (event.type === 'pub.invoke') return this.#invoked(event)
    const published = this.byValue.get(event.value)
    if (published === undefined) {
      this.#findings.add('phantom', event, `an answer to ${event.value}, which was not sent`)
      return
    }
    if (event.type === 'pub.ok') this.#acked(event, published)
    else if (event.type === 'pub.fail') {
      published.refusals += 1
      this.refused += 1
    }
  }

  /** Somebody received or read the value. */
  seen(event: HistoryEvent, channel: string, value: string, key?: string): void {
    const published = this.byValue.get(value)
    if (published === undefined) {
      this.#findings.add('phantom', event, `${value} was not sent by then`)
      return
    }
    published.known ??= event
    const { first } = published
    if (first.channel !== channel) {
      this.#findings.add('duplicate', event, `${value} was sent to ${first.channel}`)
    } else if (key !== undefined && key !== first.key) {
      this.#findings.add('idempotence', event, `${value} came as ${key}, sent as ${first.key}`)
    }
  }

  /** Publications that were neither acknowledged nor surely refused. */
  get unanswered(): number {
    let count = 0
    for (const { acks, refusals, invocations } of this.byValue.values()) {
      if (acks.length === 0 && refusals < invocations) count += 1
    }
    return count
  }

  /** When the history is complete: the refusal of what was delivered may come after the delivery. */
  finish(): void {
    for (const [value, { known, refusals, invocations }] of this.byValue) {
      // With fewer refusals than attempts, another attempt may have been written.
      if (known === undefined || refusals < invocations) continue
      this.#findings.add('aborted-read', known, `${value} was refused`)
    }
  }

  #invoked(event: PublishInvoked): void {
    const published = this.byValue.get(event.value)
    if (published !== undefined) published.invocations += 1
    else {
      this.byValue.set(event.value, {
        first: event,
        invocations: 1,
        refusals: 0,
        acks: [],
        known: undefined,
      })
    }
  }

  #acked(event: PublishAcked, published: Published): void {
    this.acked += published.acks.length === 0 ? 1 : 0
    if (event.duplicate) this.duplicates += 1
    published.acks.push(event)
    published.known ??= event
    const { channel, epoch, offset, value, key } = event
    this.#logs.observe(event, channel, epoch, offset, value)
    let keys = this.#keys.get(channel)
    if (keys === undefined) this.#keys.set(channel, (keys = new Map()))
    const before = keys.get(key)
    // Another life of the log has forgotten the keys of the one before, and may give a second place.
    if (before === undefined || before.epoch !== epoch) keys.set(key, { epoch, offset, value })
    else if (before.offset !== offset || before.value !== value) {
      const why = `${key} is ${before.value} at ${before.offset} and ${value} at ${offset}`
      this.#findings.add('idempotence', event, why)
    }
  }
}
