import { type KeyObject, randomUUID } from 'node:crypto'
import { ProtocolError } from '@tidewire/protocol'
import {
  decodeProtectedHeader,
  errors,
  type JWTClaimVerificationOptions,
  type JWTPayload,
  jwtVerify,
  type ProtectedHeaderParameters,
  SignJWT,
} from 'jose'
import type { Actor } from '../core/ports/actor.ts'
import type { Authenticator } from '../core/ports/authenticator.ts'
import { parseCapabilities } from '../core/ports/capabilities.ts'
import { isSecretAlgorithm, verifyHmac } from './hmac.ts'
import { type KeySource, type SecretAlgorithm, toSecretKey, type VerificationKey } from './keys.ts'
import { type VerifiedToken, VerifiedTokens } from './verified-tokens.ts'

const MAX_TOKEN_LENGTH = 8192
/** How far the clock of the issuer may be ahead of ours. */
const LEEWAY_MS = 10_000
/** Header fields that name keys or extensions of the sender's choice: no token of ours has them. */
const REFUSED_HEADERS = ['crit', 'jku', 'jwk', 'x5u', 'x5c', 'b64']
const USER_ID = /^[A-Za-z0-9_.@-]{1,128}$/
/** The last moment a `Date` can hold: `expires_at` is shown as one. */
const LAST_MS = 8.64e15

export interface JwtOptions {
  /** Asked one after the other. */
  sources: readonly KeySource[]
  now: () => number
  /** Tokens that expire later than this from now are refused. */
  maxAgeMs?: number | undefined
  /** What `iss` must be. */
  issuer?: string | undefined
  /** What `aud` must be or hold. */
  audience?: string | undefined
}

/** User tokens: JWT signed with one of our keys, which must name a user (`sub`) and an end (`exp`). */
export class JwtAuthenticator implements Authenticator {
  readonly #options: JwtOptions
  readonly #known = new VerifiedTokens()
  #header: Header | undefined

  constructor(options: JwtOptions) {
    this.#options = options
  }

  /** What is signed with a secret. It is not remembered: that costs more than it saves, unless a token comes with every request. */
  authenticateNow(token: string): Actor | undefined {
    checkLength(token)
    const { alg, kid } = this.#headerOf(token)
    if (!isSecretAlgorithm(alg)) return undefined
    const now = this.#options.now()
    for (const source of this.#options.sources) {
      if (!source.algorithms.has(alg)) continue
      const keys = source.find(alg, kid)
      if (keys instanceof Promise) return undefined
      for (const { key } of keys) {
        const claims = this.#verifySecret(token, alg, key, now)
        if (claims !== undefined) return this.#toActor(claims, now)
      }
    }
    throw forged()
  }

  async authenticate(token: string): Promise<Actor> {
    checkLength(token)
    const now = this.#options.now()
    const claims = await this.#verified(token, now)
    try {
      return this.#toActor(claims, now)
    } catch (error) {
      // One that is over stays so.
      this.#known.delete(token)
      throw error
    }
  }

  /** The claims of the token, once one of our keys vouches for them. */
  async #verified(token: string, now: number): Promise<JWTPayload> {
    const known = this.#knownAt(token, now)
    const { alg, kid } = known ?? this.#headerOf(token)
    for (const source of this.#options.sources) {
      if (!source.algorithms.has(alg)) continue
      const found = source.find(alg, kid)
      const keys = found instanceof Promise ? await found : found
      if (known !== undefined && keys.some(({ key }) => key === known.key)) return known.claims
      for (const key of keys) {
        const claims = await this.#verify(token, key, now)
        if (claims === undefined) continue
        this.#known.add(token, { alg, kid, claims, key: key.key, at: now })
        return claims
      }
    }
    this.#known.delete(token)
    throw forged()
  }

  /** The last one is kept: all tokens of an issuer have the same. */
  #headerOf(token: string): Header {
    const text = token.slice(0, token.indexOf('.'))
    if (this.#header?.text !== text) this.#header = { text, ...readHeader(token) }
    return this.#header
  }

  /** Undefined too when the clock went back: what begins at a time may not have begun now. */
  #knownAt(token: string, now: number): VerifiedToken | undefined {
    const known = this.#known.get(token)
    return known !== undefined && known.at <= now ? known : undefined
  }

  /** Undefined when the key did not sign it. */
  async #verify(
    token: string,
    { algorithm, key }: VerificationKey,
    now: number,
  ): Promise<JWTPayload | undefined> {
    if (isSecretAlgorithm(algorithm)) return this.#verifySecret(token, algorithm, key, now)
    try {
      const terms = { ...this.#terms(now), algorithms: [algorithm] }
      return (await jwtVerify(token, key, terms)).payload
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) return undefined
      throw explain(error)
    }
  }

  #verifySecret(
    token: string,
    algorithm: SecretAlgorithm,
    key: KeyObject,
    now: number,
  ): JWTPayload | undefined {
    try {
      return verifyHmac(token, { algorithm, key }, this.#terms(now))
    } catch (error) {
      throw explain(error)
    }
  }

  #terms(now: number): JWTClaimVerificationOptions {
    const { issuer, audience } = this.#options
    return {
      requiredClaims: ['sub', 'exp'],
      clockTolerance: LEEWAY_MS / 1000,
      currentDate: new Date(now),
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    }
  }

  #toActor({ sub, exp, iat, jti, sid, channels }: JWTPayload, now: number): Actor {
    if (!isUserId(sub)) {
      throw refused(
        '`sub` of the token is not a user id: 1 to 128 characters of A-Z a-z 0-9 _ . @ -',
      )
    }
    const actor: Actor = { kind: 'user', user: sub, expires_at: this.#end(exp, now) }
    if (iat !== undefined) {
      // A token from the future would outlive the revocation of the tokens issued until now.
      if (!(iat * 1000 <= now + LEEWAY_MS)) throw refused('The token was issued in the future.')
      actor.issued_at = Math.round(iat * 1000)
    }
    if (jti !== undefined) actor.token_id = idOf('jti', jti)
    if (sid !== undefined) actor.session = idOf('sid', sid)
    if (channels !== undefined) actor.channels = parseCapabilities(channels)
    return actor
  }

  #end(exp: number | undefined, now: number): number {
    const expiresAt = Math.floor((exp ?? Number.NaN) * 1000)
    if (!(expiresAt <= LAST_MS)) throw refused('`exp` of the token is not a time.')
    // No leeway here: a session that began after its end would be ended at once.
    if (expiresAt <= now) throw expired()
    if (expiresAt - now > (this.#options.maxAgeMs ?? LAST_MS) + LEEWAY_MS) {
      throw refused('The token is valid for longer than this server accepts.')
    }
    return expiresAt
  }
}

/** Whether `id` may name a user. */
export function isUserId(id: unknown): id is string {
  return typeof id === 'string' && USER_ID.test(id)
}

export interface IssueOptions {
  secret: string
  /** HS256 when absent. */
  algorithm?: SecretAlgorithm | undefined
  user: string
  ttlMs: number
  now: number
  /** The claim `sid`: the login that the token belongs to. */
  session?: string | undefined
  /** The claim `channels`, as `parseCapabilities` takes it. */
  channels?: Readonly<Record<string, readonly string[]>> | undefined
  issuer?: string | undefined
  audience?: string | undefined
}

/**
 * A token for a user, valid for `ttlMs` from `now`; `expires_at` in milliseconds since 1970.
 * Rejects with `bad_envelope` when the user id is not one, the time is not positive or the channels are not valid.
 */
export async function issueToken(
  options: IssueOptions,
): Promise<{ token: string; expires_at: number }> {
  const { secret, algorithm = 'HS256', user, ttlMs, now, session, channels } = options
  if (!isUserId(user)) {
    throw unusable('The user id must be 1 to 128 characters of A-Z a-z 0-9 _ . @ -')
  }
  const exp = Math.ceil((now + ttlMs) / 1000)
  if (!(ttlMs > 0) || !(exp * 1000 <= LAST_MS)) {
    throw unusable('The lifetime of a token must be more than nothing.')
  }
  if (channels !== undefined) checkChannels(channels)
  const { issuer: iss, audience: aud } = options
  const claims = {
    sid: session,
    channels,
    ...(iss === undefined ? {} : { iss }),
    ...(aud === undefined ? {} : { aud }),
  }
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
    .setSubject(user)
    .setJti(randomUUID())
    // With milliseconds: who was revoked in this very second may come back in it.
    .setIssuedAt(now / 1000)
    .setExpirationTime(exp)
    .sign(toSecretKey(secret))
  if (token.length > MAX_TOKEN_LENGTH) {
    throw unusable('The token would be longer than 8 KB: give it fewer channels.')
  }
  return { token, expires_at: exp * 1000 }
}

interface Header {
  /** As it stands in the token. */
  text: string
  alg: string
  kid: string | undefined
}

function readHeader(token: string): Omit<Header, 'text'> {
  const header = decodeHeader(token)
  if (REFUSED_HEADERS.some((name) => name in header)) {
    throw refused('The header of the token names keys or extensions that are not accepted.')
  }
  const { alg, kid } = header
  if (typeof alg !== 'string' || (kid !== undefined && typeof kid !== 'string')) throw forged()
  return { alg, kid }
}

function decodeHeader(token: string): ProtectedHeaderParameters {
  try {
    return decodeProtectedHeader(token)
  } catch (error) {
    throw explain(error)
  }
}

function checkLength(token: string): void {
  if (token.length > MAX_TOKEN_LENGTH) throw refused('The token is longer than 8 KB.')
}

function idOf(claim: string, id: unknown): string {
  if (typeof id === 'string' && id.length >= 1 && id.length <= 128) return id
  throw refused(`\`${claim}\` of the token is not a text of 1 to 128 characters.`)
}

function checkChannels(channels: unknown): void {
  try {
    parseCapabilities(channels)
  } catch {
    throw unusable(
      '`channels` maps channel patterns to lists of subscribe, publish, history, presence, call.',
    )
  }
}

/** Names the claim that is wrong, which the signature vouches for; of forged tokens nothing is told. */
function explain(error: unknown): ProtocolError {
  if (error instanceof errors.JWTExpired) return expired()
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error
    return reason === 'missing'
      ? refused(`The token lacks \`${claim}\`.`)
      : refused(`\`${claim}\` of the token is not acceptable.`)
  }
  if (error instanceof errors.JOSEError || error instanceof TypeError) return forged()
  throw error
}

function expired(): ProtocolError {
  return new ProtocolError('session_expired', 'The token has expired. Get a new one.')
}

function forged(): ProtocolError {
  return refused('The token is not valid: get one that is signed with a key of this server.')
}

function refused(message: string): ProtocolError {
  return new ProtocolError('authentication_failed', message)
}

function unusable(message: string): ProtocolError {
  return new ProtocolError('bad_envelope', message)
}
