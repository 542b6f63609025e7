import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto'
import { ProtocolError } from '@tidewire/protocol'
import type { RefreshTokenStore, UsedToken } from '../core/ports/refresh-tokens.ts'
import { isSame } from './hmac.ts'
import { issueToken } from './jwt.ts'
import type { SecretAlgorithm } from './keys.ts'

const REFRESH_TOKEN = /^twr_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/

export interface TokensOptions {
  /** What access tokens are signed with. */
  secret: string
  algorithm: SecretAlgorithm
  /** Where refresh tokens are kept; without one there are none. */
  store: RefreshTokenStore | undefined
  /** Milliseconds that access tokens are valid when nothing else is asked for, and after each refresh. */
  ttlMs: number
  /** Milliseconds within which a refresh token must be used. */
  refreshTtlMs: number
  /** Milliseconds within which a token that is shown again gets the same successor, as long as nobody used that; 0: never. */
  graceMs: number
  /** Milliseconds since 1970. */
  now: () => number
  /** A refresh token was shown twice, so somebody else may hold it: end the connections of the login, and refuse its tokens. */
  onReuse: (session: string) => unknown
  /** The claim `iss` of access tokens. */
  issuer?: string | undefined
  /** The claim `aud` of access tokens. */
  audience?: string | undefined
}

export interface TokenRequest {
  user: string
  ttl_ms?: number | undefined
  /** The claim `channels` of the access tokens of the whole login. */
  channels?: Readonly<Record<string, readonly string[]>> | undefined
  /** With a refresh token, which begins a login. */
  refresh?: boolean | undefined
}

interface AccessToken {
  token: string
  /** Milliseconds since 1970. */
  expires_at: number
}

/** What belongs to a login is present when it has refresh tokens. */
export interface IssuedTokens extends AccessToken {
  /** The login: `sid` of its access tokens. */
  session?: string
  refresh_token?: string
  /** Milliseconds since 1970. */
  refresh_expires_at?: number
}

interface Login {
  session: string
  user: string
  channels: TokenRequest['channels']
}

/**
 * Makes access tokens, and refresh tokens that each can be used once (RFC 9700 §4.14.2): whoever uses one gets its
 * successor. One that is shown again ends the login, for the thief and for the owner: nobody can tell who is who. But for a
 * moment after its first use, and as long as its successor was not used, it brings the same successor again: the answer may
 * have been lost (docs/decisions/0011).
 */
export class Tokens {
  readonly #options: TokensOptions

  constructor(options: TokensOptions) {
    this.#options = options
  }

  /** Rejects with `bad_envelope` for what cannot be issued, and with `unavailable` when the store is. */
  async issue(request: TokenRequest): Promise<IssuedTokens> {
    const { user, ttl_ms: ttlMs = this.#options.ttlMs, channels, refresh = false } = request
    if (!refresh) return this.#sign({ user, ttlMs, channels })
    const session = randomUUID()
    const issued = await this.#sign({ user, ttlMs, channels, session })
    const random = randomBytes(32).toString('base64url')
    const next = await this.#next({ session, user, channels }, random, this.#options.now())
    return { ...issued, ...next }
  }

  /**
   * Rejects with `authentication_failed` for a token that is not known or was used before, with `session_expired` for one
   * that was not used in time, and with `unavailable` when the store is.
   */
  async refresh(refreshToken: string): Promise<IssuedTokens> {
    // Before it is looked up: what is made for who is revoked meanwhile is older than that.
    const now = this.#options.now()
    const random = this.#successorOf(refreshToken)
    const { token, used_at } = await this.#use(refreshToken, random)
    const { session, user, channels } = token
    const next = await this.#next({ session, user, channels }, random, used_at)
    const issued = await this.#sign({ user, ttlMs: this.#options.ttlMs, channels, session, now })
    return { ...issued, ...next }
  }

  /** The random part of the token that comes after this one: nobody can tell it without the secret, and it is always the same. */
  #successorOf(refreshToken: string): string {
    const hmac = createHmac('sha256', this.#options.secret)
    return hmac.update(`successor of ${refreshToken}`).digest('base64url')
  }

  async #use(text: string, successor: string): Promise<UsedToken> {
    const id = idOf(text)
    if (id === undefined) throw unknown()
    const found = await this.#options.store?.use(id)
    if (found === undefined || !isSame(digestOf(text), found.token.sha256)) throw unknown()
    const { token, used } = found
    if (used && !(await this.#isRepeat(found, successor))) {
      await this.#endLogin(token.session)
      throw new ProtocolError(
        'authentication_failed',
        'The refresh token was used before, so its login has ended. Log in again.',
      )
    }
    if (token.expires_at <= this.#options.now()) {
      throw new ProtocolError('session_expired', 'The refresh token has expired. Log in again.')
    }
    return found
  }

  /** Whether it may be that the answer to the first use was lost. */
  async #isRepeat({ used_at }: UsedToken, successor: string): Promise<boolean> {
    const { store, graceMs, now } = this.#options
    const age = now() - used_at
    // A clock that went back knows nothing.
    if (age < 0 || age >= graceMs) return false
    // Its successor may not be there yet.
    return (await store?.isUsed(idFor(successor))) !== true
  }

  async #endLogin(session: string): Promise<void> {
    // Also when the store fails, the connections end.
    await Promise.all([this.#options.onReuse(session), this.#options.store?.end({ session })])
  }

  /** The refresh token that comes next in a login, from `at` on. */
  async #next(
    { session, user, channels }: Login,
    random: string,
    at: number,
  ): Promise<Omit<IssuedTokens, keyof AccessToken>> {
    const { store, refreshTtlMs } = this.#options
    if (store === undefined) {
      throw new ProtocolError(
        'bad_envelope',
        'This server keeps no refresh tokens: leave out `refresh`.',
      )
    }
    const id = idFor(random)
    const refreshToken = `twr_${id}_${random}`
    const expiresAt = at + refreshTtlMs
    await store.add({
      id,
      session,
      user,
      sha256: digestOf(refreshToken),
      ...(channels === undefined ? {} : { channels }),
      expires_at: expiresAt,
    })
    return { session, refresh_token: refreshToken, refresh_expires_at: expiresAt }
  }

  #sign(
    access: Omit<Login, 'session'> & { session?: string; ttlMs: number; now?: number },
  ): Promise<AccessToken> {
    const { secret, algorithm, now, issuer, audience } = this.#options
    return issueToken({ now: now(), ...access, secret, algorithm, issuer, audience })
  }
}

/**
 * The id of a refresh token, which is a digest of its random part: what somebody changed or made up is known without asking
 * the store, and cannot use up the token whose id it carries.
 */
function idOf(refreshToken: string): string | undefined {
  const [, id = '', random = ''] = REFRESH_TOKEN.exec(refreshToken) ?? []
  return id !== '' && isSame(idFor(random), id) ? id : undefined
}

function idFor(random: string): string {
  return digestOf(random).slice(0, 32)
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function unknown(): ProtocolError {
  return new ProtocolError(
    'authentication_failed',
    'The refresh token is not valid, or its login has ended. Log in again.',
  )
}
