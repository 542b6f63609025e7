import { ProtocolError } from '@tidewire/protocol'
import type { Actor } from './ports/actor.ts'
import type { Clock } from './ports/clock.ts'

/** Revocations are forgotten after a week: tokens that live longer have to be revoked again. */
const KEEP_MS = 7 * 24 * 3600 * 1000
const MAX = 100_000

/** Tokens and users that are refused although their signature is good. Kept in this process. */
export class Revocations {
  readonly #clock: Clock
  /** When each token id, or all tokens of a user, were revoked; oldest first. */
  readonly #at = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(target: { user: string } | { token_id: string }): void {
    const now = this.#clock.now()
    for (const [key, at] of this.#at) {
      if (this.#at.size < MAX && at > now - KEEP_MS) break
      this.#at.delete(key)
    }
    const key = 'user' in target ? `user ${target.user}` : `token ${target.token_id}`
    this.#at.delete(key)
    this.#at.set(key, now)
  }

  /** Throws `authentication_failed` for a revoked token, or one that was issued before its user was revoked. */
  check({ user, token_id, issued_at }: Actor): void {
    const revokedAt = user === undefined ? undefined : this.#at.get(`user ${user}`)
    // Tokens carry whole seconds: one that was issued in the second of the revocation counts as older.
    const userRevoked =
      revokedAt !== undefined && (issued_at ?? 0) < Math.floor(revokedAt / 1000) * 1000 + 1000
    if (userRevoked || (token_id !== undefined && this.#at.has(`token ${token_id}`))) {
      throw new ProtocolError('authentication_failed', 'The token was revoked.')
    }
  }
}
