import { createSecretKey, type KeyObject, randomUUID } from 'node:crypto'
import { ProtocolError } from '@tidewire/protocol'
import { errors, type JWTPayload, jwtVerify, type JWTVerifyResult, SignJWT } from 'jose'
import type { Actor } from '../core/ports/actor.ts'
import type { Authenticator } from '../core/ports/authenticator.ts'

const ALGORITHM = 'HS256'
const MAX_TOKEN_LENGTH = 8192
/** How far the clock of the issuer may be ahead of ours. */
const LEEWAY_MS = 10_000
/** Header fields that name keys or extensions of the sender's choice: no token of ours has them. */
const REFUSED_HEADERS = ['crit', 'jku', 'jwk', 'x5u', 'x5c', 'b64']
const USER_ID = /^[A-Za-z0-9_.@-]{1,128}$/
/** The last moment a `Date` can hold: `expires_at` is shown as one. */
const LAST_MS = 8.64e15

export interface JwtOptions {
  secret: string
  now: () => number
  /** Tokens that expire later than this from now are refused. */
  maxAgeMs?: number | undefined
}

/** User tokens: JWT signed with HS256 and one secret, which must name a user (`sub`) and an end (`exp`). */
export class JwtAuthenticator implements Authenticator {
  readonly #key: KeyObject
  readonly #now: () => number
  readonly #maxAgeMs: number

  constructor({ secret, now, maxAgeMs = LAST_MS }: JwtOptions) {
    this.#key = secretKey(secret)
    this.#now = now
    this.#maxAgeMs = maxAgeMs
  }

  async authenticate(token: string): Promise<Actor> {
    if (token.length > MAX_TOKEN_LENGTH) throw refused('The token is longer than 8 KB.')
    const now = this.#now()
    const { payload, protectedHeader } = await this.#verify(token, now)
    if (REFUSED_HEADERS.some((name) => name in protectedHeader)) {
      throw refused('The header of the token names keys or extensions that are not accepted.')
    }
    return this.#toActor(payload, now)
  }

  async #verify(token: string, now: number): Promise<JWTVerifyResult> {
    try {
      return await jwtVerify(token, this.#key, {
        algorithms: [ALGORITHM],
        requiredClaims: ['sub', 'exp'],
        clockTolerance: LEEWAY_MS / 1000,
        currentDate: new Date(now),
      })
    } catch (error) {
      throw explain(error)
    }
  }

  #toActor({ sub, exp, iat, jti }: JWTPayload, now: number): Actor {
    if (!isUserId(sub)) {
      throw refused(
        '`sub` of the token is not a user id: 1 to 128 characters of A-Z a-z 0-9 _ . @ -',
      )
    }
    const expiresAt = Math.floor((exp ?? Number.NaN) * 1000)
    if (!(expiresAt <= LAST_MS)) throw refused('`exp` of the token is not a time.')
    // No leeway here: a session that began after its end would be ended at once.
    if (expiresAt <= now) throw expired()
    if (expiresAt - now > this.#maxAgeMs + LEEWAY_MS) {
      throw refused('The token is valid for longer than this server accepts.')
    }
    const actor: Actor = { kind: 'user', user: sub, expires_at: expiresAt }
    if (iat !== undefined) {
      // A token from the future would outlive the revocation of the tokens issued until now.
      if (!(iat * 1000 <= now + LEEWAY_MS)) throw refused('The token was issued in the future.')
      actor.issued_at = Math.floor(iat * 1000)
    }
    if (jti !== undefined) {
      if (!isTokenId(jti)) throw refused('`jti` of the token is not a text of 1 to 128 characters.')
      actor.token_id = jti
    }
    return actor
  }
}

/** Whether `id` may name a user. */
export function isUserId(id: unknown): id is string {
  return typeof id === 'string' && USER_ID.test(id)
}

/**
 * A token for a user, valid for `ttlMs` from `now`; `expires_at` in milliseconds since 1970.
 * Rejects with `bad_envelope` when the user id is not one or the time is not positive.
 */
export async function issueToken(options: {
  secret: string
  user: string
  ttlMs: number
  now: number
}): Promise<{ token: string; expires_at: number }> {
  const { secret, user, ttlMs, now } = options
  if (!isUserId(user)) {
    throw new ProtocolError(
      'bad_envelope',
      'The user id must be 1 to 128 characters of A-Z a-z 0-9 _ . @ -',
    )
  }
  const exp = Math.ceil((now + ttlMs) / 1000)
  if (!(ttlMs > 0) || !(exp * 1000 <= LAST_MS)) {
    throw new ProtocolError('bad_envelope', 'The lifetime of a token must be more than nothing.')
  }
  const token = await new SignJWT()
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setSubject(user)
    .setJti(randomUUID())
    .setIssuedAt(Math.floor(now / 1000))
    .setExpirationTime(exp)
    .sign(secretKey(secret))
  return { token, expires_at: exp * 1000 }
}

function secretKey(secret: string): KeyObject {
  return createSecretKey(Buffer.from(secret, 'utf8'))
}

function isTokenId(id: unknown): boolean {
  return typeof id === 'string' && id.length >= 1 && id.length <= 128
}

/** Names the claim that is wrong, which the signature vouches for; of forged tokens nothing is told. */
function explain(error: unknown): ProtocolError {
  if (error instanceof errors.JWTExpired) return expired()
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.reason === 'missing'
      ? refused('The token lacks `sub` or `exp`.')
      : refused(`\`${error.claim}\` of the token is not acceptable.`)
  }
  if (error instanceof errors.JOSEError || error instanceof TypeError) {
    return refused('The token is not valid: get one that is signed with the secret of this server.')
  }
  throw error
}

function expired(): ProtocolError {
  return new ProtocolError('session_expired', 'The token has expired. Get a new one.')
}

function refused(message: string): ProtocolError {
  return new ProtocolError('authentication_failed', message)
}
