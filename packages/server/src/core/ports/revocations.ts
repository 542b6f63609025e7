/** Whom a revocation shuts out: a user, one token (`jti`), one login (`sid`), or a server key. */
export type Target =
  | { user: string }
  | { token_id: string }
  | { session: string }
  | { key_id: string }

export interface Revocation {
  target: Target
  /** Milliseconds since 1970. Of a user, tokens that were issued later are good again. */
  at: number
}

/** Revocations are forgotten after a week: tokens that live longer have to be revoked again. */
export const REVOCATION_KEEP_MS = 7 * 24 * 3600 * 1000

/** Keeps revocations over restarts. Rejects with `ProtocolError` `unavailable`. */
export interface RevocationStore {
  all(): Promise<readonly Revocation[]>
  add(revocation: Revocation): Promise<void>
}
