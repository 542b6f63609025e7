import { ProtocolError } from '@tidewire/protocol'
import { addressKey } from './address-key.ts'
import type { Limits } from './limits.ts'
import type { Actor } from './ports/actor.ts'
import type { RateLimits } from './rate-limits.ts'
import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'

export interface AdmissionOptions {
  limits: Limits
  sessions: Sessions
  /** Undefined: only the limit of the server counts. */
  rates: RateLimits | undefined
  random: () => number
}

/** What clients that were turned away wait, spread so that they do not come back all at once. */
const COME_BACK_MS = { least: 1_000, spread: 4_000 }
/** Long enough that a user's clients do not push each other out in turns. */
const EVICTED_MS = 30_000

/** Who is let in: how many connections the server, an address and a user have. */
export class Admission {
  readonly #options: AdmissionOptions

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** Before anything was read of a connection or a request. Throws `rate_limited` or `too_many_connections`. */
  admit(address: string, what: 'connection' | 'request'): void {
    const { rates } = this.#options
    const key = addressKey(address)
    if (what === 'request') return rates?.arrive('requests', key)
    const full = this.#full(key)
    if (full !== undefined) throw full
    rates?.arrive('connects', key)
  }

  /** Why there is no room for a session. `actor`: undefined when it has to say who it is. */
  refusal(address: string, actor: Actor | undefined): ProtocolError | undefined {
    const { limits, sessions, rates } = this.#options
    const full = this.#full(actor?.kind === 'server' ? '' : addressKey(address))
    if (full !== undefined || rates === undefined || actor !== undefined) return full
    // Who does not say who it is cannot keep out those that do.
    if (sessions.strangers < Math.ceil(limits.max_connections / 2)) return undefined
    return this.#tooMany(
      'Too many connections without a token. Try again later, or send one with the request.',
    )
  }

  /**
   * A user with too many connections loses the oldest. Polls are not counted: each is a connection of its own, for as long
   * as its answer takes, and would end those that last.
   */
  makeRoom(session: Session): void {
    const { limits, sessions, rates } = this.#options
    const { user } = session
    if (rates === undefined || user === undefined || !lasts(session)) return
    const max = limits.max_connections_per_user
    for (const oldest of sessions.of(user).filter(lasts).slice(0, -max)) {
      const error = new ProtocolError(
        'too_many_connections',
        `The user has more than ${max} connections: the oldest one makes room. Use one for many channels.`,
        { retryAfterMs: EVICTED_MS },
      )
      oldest.expel(error, 'connect')
    }
  }

  #full(key: string): ProtocolError | undefined {
    const { limits, sessions, rates } = this.#options
    if (sessions.size >= limits.max_connections) {
      return this.#tooMany('The server is full. Try again later.')
    }
    if (rates === undefined || key === '') return undefined
    if (sessions.from(key) < limits.max_connections_per_address) return undefined
    return this.#tooMany('This address has too many connections. Close some, or try again later.')
  }

  #tooMany(message: string): ProtocolError {
    const { least, spread } = COME_BACK_MS
    const retryAfterMs = least + Math.floor(this.#options.random() * spread)
    return new ProtocolError('too_many_connections', message, { retryAfterMs })
  }
}

function lasts({ connection, actor }: Session): boolean {
  return connection.transport !== 'poll' && actor?.kind === 'user'
}
