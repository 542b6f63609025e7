import { ProtocolError } from '@tidewire/protocol'
import type { Actor } from './ports/actor.ts'
import { type Revocation, REVOCATION_KEEP_MS, type Target } from './ports/revocations.ts'

const MAX = 100_000

/** Tokens, users, logins and keys that are refused although their signature is good. */
export class Revocations {
  /** When each was revoked; oldest first. */
  readonly #at = new Map<string, number>()

  add({ target, at }: Revocation): void {
    for (const [key, its] of this.#at) {
      if (this.#at.size < MAX && its > at - REVOCATION_KEEP_MS) break
      this.#at.delete(key)
    }
    const key = keyOf(target)
    // The clock may have been set back.
    const latest = Math.max(at, this.#at.get(key) ?? at)
    this.#at.delete(key)
    this.#at.set(key, latest)
  }

  /** Throws `authentication_failed` for a revoked token, or one that was issued before its user was revoked. */
  check(actor: Actor): void {
    if (this.has(actor)) throw revoked()
  }

  has({ user, token_id, session, key_id, issued_at }: Actor): boolean {
    if (this.#at.size === 0) return false
    const revokedAt = user === undefined ? undefined : this.#at.get(keyOf({ user }))
    const userRevoked = revokedAt !== undefined && isOlder(issued_at ?? 0, revokedAt)
    return (
      userRevoked ||
      (token_id !== undefined && this.#at.has(keyOf({ token_id }))) ||
      (session !== undefined && this.#at.has(keyOf({ session }))) ||
      (key_id !== undefined && this.#at.has(keyOf({ key_id })))
    )
  }
}

/** Most tokens carry whole seconds: one that was issued in the second of the revocation counts as older. */
function isOlder(issuedAt: number, revokedAt: number): boolean {
  if (issuedAt % 1000 === 0) return issuedAt < Math.floor(revokedAt / 1000) * 1000 + 1000
  return issuedAt <= revokedAt
}

export function revoked(): ProtocolError {
  return new ProtocolError('authentication_failed', 'The token was revoked.')
}

/** Whether the target is this actor, or what it showed. */
export function isTarget(actor: Actor | undefined, target: Target): boolean {
  const [name, value] = Object.entries(target)[0] as [keyof Actor, string]
  return actor?.[name] === value
}

function keyOf(target: Target): string {
  const [name, value] = Object.entries(target)[0] as [string, string]
  return `${name} ${value}`
}
