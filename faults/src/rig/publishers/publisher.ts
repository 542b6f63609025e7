import type { JsonObject } from '@tidewire/protocol'
import type { Chance } from '../../chance.ts'
import type { Recorder } from '../../history/recorder.ts'
import type { Answers } from '../answers.ts'
import { bodyOf } from '../body.ts'
import { pause } from '../until.ts'

export interface PublisherOptions {
  /** Unique in the history. */
  name: string
  url: string
  token: string
  channels: readonly string[]
  bodyBytes: number
  ratePerSecond: number
  /** After this long an attempt counts as unanswered. */
  answerMs: number
  recorder: Recorder
  answers: Answers
  chance: Chance
}

/** One publication: the same for every attempt. */
export interface Draft {
  channel: string
  /** `message_id`. */
  key: string
  /** What `payload` says. */
  value: string
  payload: JsonObject
}

/** What came of one attempt. */
export type Outcome =
  | { readonly name: 'acked'; epoch: string; offset: number; duplicate: boolean }
  | { readonly name: 'refused'; code: number }
  /** No answer, or one that leaves it open. */
  | { readonly name: 'unanswered'; code?: number }

/** Errors after which it may have been written: internal ones, and a log that stopped before it answered. */
const LEAVES_OPEN = new Set([4000, 4014])
/** Errors after which the same may succeed later. */
const TEMPORARY = new Set([4004, 4015])
const BACKOFF = { minMs: 100, maxMs: 5000 }

/** Sends at its rate, without waiting for answers, and repeats with the same key whatever was not answered. */
export abstract class Publisher {
  readonly name: string
  protected readonly options: PublisherOptions
  readonly #open = new Set<Promise<void>>()
  #sent = 0
  #sending: Promise<void> | undefined
  #stopped = false

  constructor(options: PublisherOptions) {
    this.name = options.name
    this.options = options
  }

  start(): void {
    this.#sending ??= this.#send()
  }

  /** Sends nothing new, and resolves when all that was sent is answered or `withinMs` have passed. */
  async stop(withinMs: number): Promise<void> {
    this.#stopped = true
    await this.#sending
    await Promise.race([Promise.all(this.#open), pause(withinMs)])
    await this.close()
  }

  /** The next publication of this publisher. */
  draft(channel: string, key?: string): Draft {
    this.#sent += 1
    const value = `${this.name}-${this.#sent}`
    return { channel, key: key ?? value, value, payload: bodyOf(value, this.options.bodyBytes) }
  }

  /** Publishes until there is an answer that stays. Resolves to it. */
  async publish(draft: Draft): Promise<Outcome> {
    for (let attempt = 0; ; attempt++) {
      this.#record('pub.invoke', draft)
      const outcome = await this.attempt(draft)
      this.#recordOutcome(draft, outcome)
      if (outcome.name === 'acked') return outcome
      if (outcome.name === 'refused' && !TEMPORARY.has(outcome.code)) return outcome
      const most = Math.min(BACKOFF.maxMs, BACKOFF.minMs * 2 ** attempt)
      await pause(BACKOFF.minMs + this.options.chance.next() * (most - BACKOFF.minMs))
      if (this.closed) return outcome
    }
  }

  /** Sends it once. Never rejects. */
  protected abstract attempt(draft: Draft): Promise<Outcome>
  protected abstract readonly closed: boolean
  abstract close(): Promise<void>

  /** The outcome that an error stands for. */
  protected outcomeOf(where: string, code: unknown): Outcome {
    this.options.answers.error(where, code)
    if (typeof code !== 'number') return { name: 'unanswered' }
    return LEAVES_OPEN.has(code) ? { name: 'unanswered', code } : { name: 'refused', code }
  }

  async #send(): Promise<void> {
    const { channels, ratePerSecond, chance } = this.options
    const began = performance.now()
    for (let i = 0; !this.#stopped; i++) {
      const publishing: Promise<void> = this.publish(this.draft(chance.pick(channels))).then(() => {
        this.#open.delete(publishing)
      })
      this.#open.add(publishing)
      // By the clock, so that a pause of this process does not lower the rate.
      await pause(began + ((i + chance.next()) * 1000) / ratePerSecond - performance.now())
    }
  }

  #record(type: 'pub.invoke', { channel, key, value }: Draft): void {
    this.options.recorder.record({ type, client: this.name, channel, key, value })
  }

  #recordOutcome({ channel, key, value }: Draft, outcome: Outcome): void {
    const { recorder } = this.options
    const what = { client: this.name, channel, key, value }
    switch (outcome.name) {
      case 'acked': {
        const { epoch, offset, duplicate } = outcome
        return recorder.record({ type: 'pub.ok', ...what, epoch, offset, duplicate })
      }
      case 'refused':
        return recorder.record({ type: 'pub.fail', ...what, code: outcome.code })
      case 'unanswered':
        return recorder.record({
          type: 'pub.info',
          ...what,
          ...(outcome.code === undefined ? {} : { code: outcome.code }),
        })
    }
  }
}
