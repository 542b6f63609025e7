import { createHmac } from 'node:crypto'
import { ProtocolError } from '@tidewire/protocol'
import { z } from 'zod'
import type { Authorizer, Question } from '../core/ports/authorizer.ts'
import type { Clock } from '../core/ports/clock.ts'
import { Outbound, type Reply } from '../outbound/outbound.ts'
import { Answers } from './answers.ts'
import { Breaker } from './breaker.ts'
import { parseJson } from './parse-json.ts'
import { Places } from './places.ts'

const MAX_ANSWERS = 10_000
const MAX_ASKING = 100
const MAX_WAITING = 1000
/** However long an answer says that it counts. */
const MAX_CACHE_MS = 3_600_000

export interface HookOptions {
  url: string
  /** What its requests are signed with; without one they are not. */
  secret?: string | undefined
  timeoutMs: number
  /** Milliseconds that an answer counts when it does not say. */
  cacheMs: number
  /** Whether the URL may lead to this machine or a private network. */
  allowPrivate?: boolean
  clock: Pick<Clock, 'now' | 'steady'>
  /** The hook could not be asked, or gave no answer that can be used. */
  onError: (error: unknown) => void
}

const answerSchema = z.object({ allow: z.boolean(), cache_ms: z.number().min(0).optional() })

type Answer = z.infer<typeof answerSchema>

/** A question that is under way, and all who wait for its answer. */
interface Flight {
  user: string | undefined
  allow: Promise<boolean>
  /** What was known of the user counts no longer, this answer included. */
  isForgotten: boolean
}

/**
 * Asks an application by HTTP whether somebody may do something: POST `{ action, channel, user, kind }`, answered with 200
 * and `{ "allow": true, "cache_ms": 5000 }`. With a secret, `Tidewire-Timestamp` holds the seconds since 1970 and
 * `Tidewire-Signature` `v1=` and the hex HMAC-SHA256 of timestamp, dot and body.
 *
 * Order:   asked once for all who ask the same at the same time. Answers count for `cache_ms`, at most an hour.
 * Bounds:  100 requests at a time, 1,000 questions wait. A hook that fails five times in a row is asked once a second.
 * Failure: rejects with `unavailable` for everything but such an answer in time. Nothing is allowed then.
 */
export class HttpHook implements Authorizer {
  readonly #options: HookOptions
  readonly #outbound: Outbound
  readonly #answers = new Answers(MAX_ANSWERS)
  readonly #flights = new Map<string, Flight>()
  readonly #places = new Places({ places: MAX_ASKING, waiting: MAX_WAITING })
  readonly #breaker = new Breaker()

  constructor(options: HookOptions) {
    const { timeoutMs, allowPrivate = false } = options
    this.#options = options
    this.#outbound = new Outbound({ timeoutMs, allowPrivate })
  }

  authorize(question: Question): boolean | Promise<boolean> {
    const key = keyOf(question)
    const known = this.#answers.get(key, this.#options.clock.steady())
    if (known !== undefined) return known
    return this.#flights.get(key)?.allow ?? this.#start(key, question)
  }

  forget(user: string): void {
    this.#answers.forget(user)
    for (const [key, flight] of this.#flights) {
      if (flight.user !== user) continue
      flight.isForgotten = true
      this.#flights.delete(key)
    }
  }

  /** Ends the connections that are kept. */
  close(): void {
    this.#outbound.close()
  }

  #start(key: string, question: Question): Promise<boolean> {
    const flight: Flight = {
      user: question.actor.user,
      allow: this.#ask(question).then(
        (answer) => this.#land(key, question, flight, answer),
        (error: unknown) => {
          if (!flight.isForgotten) this.#flights.delete(key)
          throw error
        },
      ),
      isForgotten: false,
    }
    this.#flights.set(key, flight)
    return flight.allow
  }

  #land(key: string, question: Question, flight: Flight, answer: Answer) {
    // It may be older than what made us forget.
    if (flight.isForgotten) return this.authorize(question)
    this.#flights.delete(key)
    const { clock, cacheMs } = this.#options
    const { allow, cache_ms: countsMs = cacheMs } = answer
    const expiresAt = clock.steady() + Math.min(countsMs, MAX_CACHE_MS)
    if (countsMs > 0) this.#answers.set(key, { user: flight.user, allow, expiresAt })
    return allow
  }

  async #ask(question: Question): Promise<Answer> {
    const { clock, timeoutMs } = this.#options
    const askedAt = clock.steady()
    const rest = this.#breaker.restsFor(askedAt)
    if (rest > 0) throw unavailable(rest)
    const place = this.#places.take()
    if (place === undefined) throw unavailable()
    await place
    try {
      const now = clock.steady()
      if (now - askedAt >= timeoutMs || !this.#breaker.mayTry(now)) throw unavailable()
      return await this.#askNow(question)
    } finally {
      this.#places.leave()
    }
  }

  async #askNow(question: Question): Promise<Answer> {
    try {
      const answer = answerOf(await this.#post(question))
      this.#breaker.succeeded()
      return answer
    } catch (error) {
      this.#breaker.failed(this.#options.clock.steady())
      this.#options.onError(error)
      throw unavailable()
    }
  }

  #post({ actor, action, channel }: Question): Promise<Reply> {
    const { url, secret, clock } = this.#options
    const { user, kind } = actor
    const body = JSON.stringify({ action, channel, user, kind })
    const timestamp = `${Math.floor(clock.now() / 1000)}`
    const headers = {
      'content-type': 'application/json',
      'tidewire-timestamp': timestamp,
      ...(secret === undefined
        ? {}
        : { 'tidewire-signature': `v1=${signatureOf(secret, timestamp, body)}` }),
    }
    return this.#outbound.request(url, { method: 'POST', headers, body })
  }
}

/** All that the answer depends on. Only the last part can hold a space. */
function keyOf({ actor, action, channel }: Question): string {
  return `${actor.kind} ${actor.user ?? ''} ${action} ${channel}`
}

function answerOf({ status, body }: Reply): Answer {
  if (status !== 200) throw new TypeError(`The hook answered with status ${status}.`)
  const answer = answerSchema.safeParse(parseJson(body))
  if (!answer.success) throw new TypeError('The hook did not answer `{ "allow": true }` or false.')
  return answer.data
}

function signatureOf(secret: string, timestamp: string, body: string): string {
  return createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
}

function unavailable(retryAfterMs?: number): ProtocolError {
  return new ProtocolError(
    'unavailable',
    'The permission cannot be asked for now. Try again.',
    retryAfterMs === undefined ? {} : { retryAfterMs },
  )
}
