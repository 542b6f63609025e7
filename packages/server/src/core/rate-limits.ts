import { ProtocolError } from '@tidewire/protocol'
import { addressKey } from './address-key.ts'
import { Buckets } from './buckets.ts'
import type { Limits, Rate } from './limits.ts'
import type { Clock } from './ports/clock.ts'
import type { Timers } from './timers.ts'
import { TokenBucket } from './token-bucket.ts'

/** Full buckets are looked for so often, and among so many of a kind at a time. */
const SWEEP_MS = 1_000
const SWEEP = 10_000
const MAX_RETRY_MS = 60_000

/**
 * `rate_limited` with a turn of its own: whoever comes back in it is let through. As a connection has no more turns than a
 * minute holds, it is no offence.
 */
export class Postponed extends ProtocolError {}

/** What one connection has used lately. Each bucket is made when it is first needed. */
export class ConnectionBuckets {
  /** What the address of the connection is counted by. */
  readonly address: string
  publishes: TokenBucket | undefined
  commands: TokenBucket | undefined
  history: TokenBucket | undefined
  events: Map<string, TokenBucket> | undefined

  constructor(address: string) {
    this.address = addressKey(address)
  }
}

/**
 * How much a connection, a user and an address may do. What is one too many throws `rate_limited` with the time after
 * which the next is not, and has taken nothing from any bucket. Addresses are given as `addressKey` makes them; an
 * empty one is not known and not counted.
 */
export class RateLimits {
  readonly #limits: Limits
  readonly #clock: Clock
  readonly #timers: Timers
  /** Undefined when no type has a rate of its own. */
  readonly #events: ReadonlyMap<string, Rate> | undefined
  readonly #user: Record<keyof Limits['user'], Buckets>
  readonly #address: Record<keyof Limits['address'], Buckets>
  #sweeping = false

  constructor(limits: Limits, clock: Clock, timers: Timers) {
    this.#limits = limits
    this.#clock = clock
    this.#timers = timers
    const events = Object.entries(limits.events)
    this.#events = events.length === 0 ? undefined : new Map(events)
    const { user, address } = limits
    this.#user = {
      publishes: new Buckets(user.publishes),
      commands: new Buckets(user.commands),
      history: new Buckets(user.history),
    }
    this.#address = {
      connects: new Buckets(address.connects),
      requests: new Buckets(address.requests),
      publishes: new Buckets(address.publishes),
      failures: new Buckets(address.failures),
    }
  }

  /** Users and addresses that are remembered. */
  get size(): number {
    return this.#all().reduce((sum, buckets) => sum + buckets.size, 0)
  }

  /** A publish: over a connection, whose buckets these are, or without one. */
  publish(
    type: string,
    user: string | undefined,
    address: string,
    own: ConnectionBuckets | undefined,
  ): void {
    const now = this.#clock.steady()
    const connection =
      own && (own.publishes ??= new TokenBucket(this.#limits.connection.publishes, now))
    const event = own && this.#event(own, type, now)
    const byUser = user === undefined ? undefined : this.#of(this.#user.publishes, user, now)
    const byAddress = address === '' ? undefined : this.#of(this.#address.publishes, address, now)
    if (connection?.has(now) === false) throw tooMany('connection.publishes', connection, now)
    if (event?.has(now) === false) throw tooMany(`events.${type}`, event, now)
    if (byUser?.has(now) === false) throw tooMany('user.publishes', byUser, now)
    if (byAddress?.has(now) === false) throw tooMany('address.publishes', byAddress, now)
    connection?.spend()
    event?.spend()
    byUser?.spend()
    byAddress?.spend()
  }

  /** Any other frame of a connection, or a request without one: as many as `cost` of the user's. */
  command(user: string | undefined, own: ConnectionBuckets | undefined, cost = 1): void {
    const now = this.#clock.steady()
    const connection =
      own && (own.commands ??= new TokenBucket(this.#limits.connection.commands, now))
    const byUser = user === undefined ? undefined : this.#of(this.#user.commands, user, now)
    if (connection?.has(now) === false) throw tooMany('connection.commands', connection, now)
    // More than a burst never is.
    const spent = Math.min(cost, byUser?.rate.burst ?? cost)
    if (byUser?.has(now, spent) === false) throw tooMany('user.commands', byUser, now, spent)
    connection?.spend()
    byUser?.spend(spent)
  }

  /** Publications that are read back, over a connection or without one: how many of `count` may be read at once. */
  history(count: number, user: string | undefined, own: ConnectionBuckets | undefined): number {
    const now = this.#clock.steady()
    const connection =
      own && (own.history ??= new TokenBucket(this.#limits.connection.history, now))
    const byUser = user === undefined ? undefined : this.#of(this.#user.history, user, now)
    // More than a burst never is: the page is smaller then.
    const cost = Math.min(count, connection?.rate.burst ?? count, byUser?.rate.burst ?? count)
    if (connection?.has(now, cost) === false) {
      throw tooMany('connection.history', connection, now, cost)
    }
    if (byUser?.has(now, cost) === false) throw tooMany('user.history', byUser, now, cost)
    connection?.spend(cost)
    byUser?.spend(cost)
    return cost
  }

  /** A new connection, or a request, from an address. */
  arrive(kind: 'connects' | 'requests', address: string): void {
    if (address === '') return
    const now = this.#clock.steady()
    const bucket = this.#of(this.#address[kind], address, now)
    if (!bucket.take(now)) throw tooMany(`address.${kind}`, bucket, now)
  }

  /** Before a token is looked at: throws when too many from the address were refused. */
  checkFailures(address: string): void {
    const now = this.#clock.steady()
    const bucket = this.#address.failures.get(address)
    if (bucket?.has(now) === false) throw tooMany('address.failures', bucket, now)
  }

  /** A token from the address was refused. */
  failed(address: string): void {
    if (address === '') return
    const now = this.#clock.steady()
    this.#of(this.#address.failures, address, now).take(now)
  }

  #event(own: ConnectionBuckets, type: string, now: number): TokenBucket | undefined {
    const rate = this.#events?.get(type)
    if (rate === undefined) return undefined
    own.events ??= new Map()
    let bucket = own.events.get(type)
    if (bucket === undefined) own.events.set(type, (bucket = new TokenBucket(rate, now)))
    return bucket
  }

  #of(buckets: Buckets, key: string, now: number): TokenBucket {
    if (!this.#sweeping) this.#sweepLater()
    return buckets.of(key, now)
  }

  #sweepLater(): void {
    this.#sweeping = true
    this.#timers.after(SWEEP_MS, () => {
      const now = this.#clock.steady()
      for (const buckets of this.#all()) buckets.sweep(now, SWEEP)
      this.#sweeping = false
      if (this.size > 0) this.#sweepLater()
    })
  }

  #all(): readonly Buckets[] {
    return [...Object.values(this.#user), ...Object.values(this.#address)]
  }
}

const SAID: Readonly<Record<string, string>> = {
  'connection.publishes': 'This connection publishes too much',
  'connection.commands': 'This connection sends too much',
  'connection.history': 'This connection reads back too much',
  'user.publishes': 'The user publishes too much, over all connections together',
  'user.commands': 'The user asks too much, over all connections together',
  'user.history': 'The user reads back too much, over all connections together',
  'address.connects': 'Too many connections are opened from this address',
  'address.requests': 'Too many requests come from this address',
  'address.publishes': 'Too much is published from this address',
  'address.failures': 'Too many tokens from this address were refused',
}

function tooMany(limit: string, bucket: TokenBucket, now: number, cost = 1): ProtocolError {
  const { burst, per_second } = bucket.rate
  // Of what is shared with others nothing is promised: one of them could take it all.
  const turn = limit.startsWith('connection.') ? bucket.promise(now, MAX_RETRY_MS, cost) : undefined
  const Refusal = turn === undefined ? ProtocolError : Postponed
  const ms = turn ?? Math.min(Math.max(bucket.retryAfterMs(now, cost), 1), MAX_RETRY_MS)
  const said = SAID[limit] ?? 'This connection publishes too much of this type'
  return new Refusal(
    'rate_limited',
    `${said}: ${burst} at once and ${per_second} a second are allowed (limits.${limit}). Try again in ${ms} ms.`,
    { retryAfterMs: ms },
  )
}
