import type { KeyObject } from 'node:crypto'
import type { JWTPayload } from 'jose'

/** A token whose signature was found good. */
export interface VerifiedToken {
  alg: string
  kid: string | undefined
  claims: JWTPayload
  /** What it was verified with: it counts while its source still has this key. */
  key: KeyObject
  /** Milliseconds since 1970, of when it was verified. */
  at: number
}

/** Each up to 8 KB. */
const MAX_TOKENS = 4096

/**
 * Tokens that need not be verified again: a client that publishes over HTTP shows the same one with every request. Only the
 * work on the signature is saved; whether the token is over, or was revoked, is asked each time. None that was refused is here, so nobody
 * can fill it with guesses.
 */
export class VerifiedTokens {
  readonly #tokens = new Map<string, VerifiedToken>()

  get(token: string): VerifiedToken | undefined {
    return this.#tokens.get(token)
  }

  add(token: string, verified: VerifiedToken): void {
    this.#tokens.delete(token)
    this.#tokens.set(token, verified)
    if (this.#tokens.size <= MAX_TOKENS) return
    for (const oldest of this.#tokens.keys()) {
      this.#tokens.delete(oldest)
      break
    }
  }

  delete(token: string): void {
    this.#tokens.delete(token)
  }
}
