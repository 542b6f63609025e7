import type { Capabilities } from './capabilities.ts'

/** Who acts. Made by the authenticator from a token or a key, never by a client's word. */
export interface Actor {
  /** `server`: a backend with a server key. `anyone`: nobody in particular. */
  kind: 'anyone' | 'user' | 'server'
  /** Present for `user`; for `server` only when the key acts for a user. */
  user?: string
  /** Milliseconds since 1970 after which the token no longer counts; absent for server keys. */
  expires_at?: number
  /** `jti` of the token, by which it can be revoked alone. */
  token_id?: string
  /** `sid` of the token: the login it belongs to, over all its refreshes. */
  session?: string
  /** Of a server key. */
  key_id?: string
  /** Milliseconds since 1970 when the token was issued: a revoked user's older tokens stay out. */
  issued_at?: number
  /** `channels` of the token. When present, it may do what they grant and nothing else. */
  channels?: Capabilities
  /** Where it acts from, as an IP address: for limits and the audit log. */
  address?: string
}

export const ANYONE: Actor = { kind: 'anyone' }
