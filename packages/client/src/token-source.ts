import { TidewireError } from './errors.ts'
import type { TokenContext } from './types.ts'

/** A token request that takes longer has failed. */
const TOKEN_TIMEOUT_MS = 30_000
/** A token that ends this soon is not worth a connection. */
const MARGIN_MS = 5000

export interface TokenOptions {
  token?: string | undefined
  getToken?: ((context: TokenContext) => Promise<string>) | undefined
}

/** The current token, and where the next one comes from. One request at a time. */
export class TokenSource {
  readonly #getToken: TokenOptions['getToken']
  #token: string | undefined
  /** `Date.now()` milliseconds, as far as the server told. */
  #expiresAt = Infinity
  #request: AbortController | undefined

  constructor({ token, getToken }: TokenOptions) {
    this.#token = token
    this.#getToken = getToken
  }

  /** Whether another token can be had. */
  get renewable(): boolean {
    return this.#getToken !== undefined
  }

  /** The server said when the current token ends. */
  expires(at: number): void {
    this.#expiresAt = at
  }

  /**
   * The token to use; `undefined` when the app gave none. Rejects with `UnauthorizedError` when nobody is signed in,
   * else with what `getToken` threw.
   */
  async get(reason: TokenContext['reason']): Promise<string | undefined> {
    const getToken = this.#getToken
    if (getToken === undefined) return this.#token
    const usable = this.#token !== undefined && this.#expiresAt - Date.now() > MARGIN_MS
    if (reason === 'connect' && usable) return this.#token
    if (reason === 'refused') this.#token = undefined
    this.cancel()
    const request = new AbortController()
    this.#request = request
    const token = await bounded(request, () => getToken({ signal: request.signal, reason }))
    if (typeof token !== 'string' || token === '') {
      throw new TidewireError('invalid_argument', 'getToken did not return a token.')
    }
    this.#token = token
    this.#expiresAt = Infinity
    return token
  }

  /** Aborts the request that is under way. */
  cancel(): void {
    this.#request?.abort(new TidewireError('aborted', 'The token is not needed any more.'))
    this.#request = undefined
  }
}

/** By name: an app may hold a second copy of this package. */
export function isUnauthorized(error: unknown): boolean {
  return error instanceof Error && error.name === 'UnauthorizedError'
}

/** Ends with the abort, also when `start` does not look at its signal. */
function bounded<Value>(request: AbortController, start: () => Promise<Value>): Promise<Value> {
  const { signal } = request
  const timer = setTimeout(
    () => request.abort(new TidewireError('timeout', 'getToken took too long.')),
    TOKEN_TIMEOUT_MS,
  )
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error))
  })
  const started = (async () => start())()
  return Promise.race([started, aborted]).finally(() => clearTimeout(timer))
}
