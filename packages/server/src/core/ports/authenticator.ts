import type { Actor } from './actor.ts'

/**
 * Turns tokens and keys into actors.
 *
 * Failure: rejects with `ProtocolError` `authentication_failed` (forged, malformed, not ours) or `session_expired`.
 *          Messages never repeat any part of the token.
 */
export interface Authenticator {
  authenticate(token: string): Promise<Actor>
  /** The same at once: throws what that rejects with. Undefined where it has to wait. */
  authenticateNow?(token: string): Actor | undefined
  /** Whether to authenticate this token costs next to nothing: then it is done also for an address that guesses. */
  isQuick?(token: string): boolean
}
