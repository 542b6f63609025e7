import { TokenAuthenticator } from '../auth/authenticator.ts'
import { HttpHook } from '../auth/hook.ts'
import { issueToken } from '../auth/jwt.ts'
import { keepDevSecret, keepDevServerKey } from '../auth/secret.ts'
import { serverKeysOf, toServerKey } from '../auth/server-keys.ts'
import { Tokens } from '../auth/tokens.ts'
import { systemClock as clock } from '../clock.ts'
import { type Config, ConfigError } from '../config/resolve.ts'
import type { Observer } from '../core/ports/observer.ts'
import type { RefreshTokenStore } from '../core/ports/refresh-tokens.ts'
import type { ServerKey, ServerKeys } from '../core/ports/server-keys.ts'
import type { TokenIssuer } from '../transports/http-tokens.ts'

const DEV_TOKEN_MS = 24 * 3600 * 1000

const now = (): number => clock.now()

/** What tokens are signed with and which keys the configuration names; under dev, those that are kept in data. */
export interface Credentials {
  secret: string | undefined
  serverKeys: ServerKey[]
}

export function credentialsOf(config: Config): Credentials {
  const { jwt_secret: secret, server_keys: serverKeys } = config.auth
  if (!config.dev) return { secret, serverKeys }
  return {
    secret: secret ?? keepDevSecret(config.data),
    serverKeys: [...serverKeys, toServerKey('dev', keepDevServerKey(config.data))],
  }
}

/** Throws `ConfigError` for public keys that cannot be used. */
export function authenticatorOf(
  { auth }: Config,
  { secret, serverKeys }: Credentials,
  kept: ServerKeys,
  observer: Observer,
): TokenAuthenticator {
  const { jwks } = auth
  const options = {
    secret,
    algorithms: auth.jwt_algorithms,
    publicKeys: auth.public_keys,
    jwks: {
      url: jwks.url,
      algorithms: jwks.algorithms,
      refreshMs: jwks.refresh_ms,
      maxStaleMs: jwks.max_stale_ms,
      allowPrivate: jwks.allow_private,
    },
    issuer: auth.issuer,
    audience: auth.audience,
    serverKeys: [serverKeysOf(serverKeys), kept],
    maxAgeMs: auth.token_max_age_ms,
    clock,
    onError: (error: unknown) => observer.failed('jwks', error),
  }
  try {
    return new TokenAuthenticator(options)
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw new ConfigError(`\`auth.public_keys\` cannot be used: ${cause.message}`, { cause })
  }
}

export function hookOf({ auth: { hook } }: Config, observer: Observer): HttpHook | undefined {
  if (hook.url === undefined) return undefined
  return new HttpHook({
    url: hook.url,
    secret: hook.secret,
    timeoutMs: hook.timeout_ms,
    cacheMs: hook.cache_ms,
    allowPrivate: hook.allow_private,
    clock,
    onError: (error) => observer.failed('hook', error),
  })
}

/** `onReuse`: a refresh token was shown twice. Without a secret no tokens are made here. */
export function tokenIssuerOf(
  { auth }: Config,
  secret: string | undefined,
  store: RefreshTokenStore,
  onReuse: (session: string) => Promise<unknown>,
): TokenIssuer | undefined {
  if (secret === undefined) return undefined
  const [algorithm = 'HS256'] = auth.jwt_algorithms
  const tokens = new Tokens({
    secret,
    algorithm,
    store,
    ttlMs: auth.token_ttl_ms,
    refreshTtlMs: auth.refresh_ttl_ms,
    graceMs: auth.refresh_grace_ms,
    now,
    onReuse,
    issuer: auth.issuer,
    audience: auth.audience,
  })
  return {
    issue: (request) => tokens.issue(request),
    refresh: (refreshToken) => tokens.refresh(refreshToken),
  }
}

/** For `POST /v1/dev/token`. */
export function devTokensOf({ auth }: Config, secret: string) {
  const [algorithm = 'HS256'] = auth.jwt_algorithms
  return (user: string) =>
    issueToken({
      secret,
      algorithm,
      user,
      ttlMs: DEV_TOKEN_MS,
      now: now(),
      issuer: auth.issuer,
      audience: auth.audience,
    })
}
