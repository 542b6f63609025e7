import { ProtocolError } from '@tidewire/protocol'
import type { Actor } from '../core/ports/actor.ts'
import type { Authenticator } from '../core/ports/authenticator.ts'
import type { Clock } from '../core/ports/clock.ts'
import type { ServerKeys } from '../core/ports/server-keys.ts'
import { Outbound } from '../outbound/outbound.ts'
import { Jwks } from './jwks.ts'
import { JwtAuthenticator } from './jwt.ts'
import {
  fixedKeys,
  type KeySource,
  type PublicAlgorithm,
  type PublicKeyOptions,
  publicKeys,
  type SecretAlgorithm,
  secretKeys,
} from './keys.ts'
import { isServerKey, isWellFormedKey, ServerKeyAuthenticator } from './server-keys.ts'

/** Shorter than the time a connection has to authenticate. */
const JWKS_TIMEOUT_MS = 3000

export interface AuthenticatorOptions {
  /** Secret that user tokens are signed with. */
  secret?: string | undefined
  /** Accepted with the secret; HS256 when absent. */
  algorithms?: readonly SecretAlgorithm[]
  /** Public keys of others who sign user tokens. */
  publicKeys?: readonly PublicKeyOptions[]
  /** Where more public keys are; without a URL nowhere. */
  jwks?: {
    url?: string | undefined
    algorithms: readonly PublicAlgorithm[]
    refreshMs: number
    maxStaleMs: number
    allowPrivate?: boolean
  }
  /** What `iss` of user tokens must be. */
  issuer?: string | undefined
  /** What `aud` of user tokens must be or hold. */
  audience?: string | undefined
  /** User tokens that expire later than this from now are refused. */
  maxAgeMs?: number | undefined
  serverKeys: readonly ServerKeys[]
  clock: Pick<Clock, 'now' | 'steady'>
  /** The keys at `jwks.url` could not be fetched. */
  onError?: (error: unknown) => void
}

/**
 * User tokens and server keys, told apart by the prefix of the keys. With neither secret nor public keys no user token is
 * accepted. Throws `TypeError` for public keys that cannot be used.
 */
export class TokenAuthenticator implements Authenticator {
  readonly #users: Authenticator
  readonly #servers: Authenticator

  constructor(options: AuthenticatorOptions) {
    const { maxAgeMs, issuer, audience, clock } = options
    const now = (): number => clock.now()
    const sources = sourcesOf(options)
    this.#users =
      sources.length === 0
        ? NO_USERS
        : new JwtAuthenticator({ sources, now, maxAgeMs, issuer, audience })
    this.#servers = new ServerKeyAuthenticator(options.serverKeys)
  }

  /** A server key is a hash and a look-up. */
  isQuick(token: string): boolean {
    return isWellFormedKey(token)
  }

  authenticate(token: string): Promise<Actor> {
    return (isServerKey(token) ? this.#servers : this.#users).authenticate(token)
  }

  authenticateNow(token: string): Actor | undefined {
    return (isServerKey(token) ? this.#servers : this.#users).authenticateNow?.(token)
  }
}

/** What can be asked without a request comes first. */
function sourcesOf(options: AuthenticatorOptions): KeySource[] {
  const { secret, algorithms = ['HS256'], jwks, clock, onError = () => undefined } = options
  const fixed = [
    ...(secret === undefined ? [] : secretKeys(secret, algorithms)),
    ...publicKeys(options.publicKeys ?? []),
  ]
  const sources: KeySource[] = fixed.length === 0 ? [] : [fixedKeys(fixed)]
  if (jwks?.url === undefined) return sources
  const { url, algorithms: accepted, refreshMs, maxStaleMs, allowPrivate = false } = jwks
  const outbound = new Outbound({ allowPrivate, timeoutMs: JWKS_TIMEOUT_MS })
  const steady = (): number => clock.steady()
  const terms = { algorithms: accepted, refreshMs, maxStaleMs }
  return [...sources, new Jwks({ url, ...terms, outbound, steady, onError })]
}

const NO_USERS: Authenticator = {
  async authenticate() {
    throw new ProtocolError(
      'authentication_failed',
      'This server accepts no user tokens: `auth.jwt_secret` is not set, and no public keys are.',
    )
  },
}
