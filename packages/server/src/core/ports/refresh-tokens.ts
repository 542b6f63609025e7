/** What is kept of a refresh token: enough to know it, not enough to use it. */
export interface RefreshToken {
  id: string
  /** The login that all its successors belong to: `sid` of the access tokens. */
  session: string
  user: string
  /** SHA-256 of the whole token, hex. */
  sha256: string
  /** The claim `channels` of the access tokens, when they carry one. */
  channels?: Readonly<Record<string, readonly string[]>>
  /** Milliseconds since 1970. */
  expires_at: number
}

export interface UsedToken {
  token: RefreshToken
  /** It was used before. */
  used: boolean
  /** When it was used for the first time, which may be now. Milliseconds since 1970. */
  used_at: number
}

/**
 * Keeps refresh tokens over restarts.
 *
 * Order:   of any number of uses of one token at the same time, exactly one is told `used: false`.
 * Failure: rejects with `ProtocolError` `unavailable`.
 */
export interface RefreshTokenStore {
  /** Adding a token again does nothing. */
  add(token: RefreshToken): Promise<void>
  /** Marks it as used, in one atomic step. `undefined`: not known, or its session was ended. */
  use(id: string): Promise<UsedToken | undefined>
  /** Whether it was used. `undefined` as above. */
  isUsed(id: string): Promise<boolean | undefined>
  /**
   * Forgets all tokens of the login, or of all logins of the user. A token that is added to such a login afterwards, because
   * it was on its way, is forgotten at once: `add` resolves and `use` does not know it. New logins of the user are not touched.
   */
  end(target: { session: string } | { user: string }): Promise<void>
}
