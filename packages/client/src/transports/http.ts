import type { ErrorReason } from '@tidewire/protocol'
import { errorFromPayload, TidewireError } from '../errors.ts'
import type { DisconnectReason } from '../types.ts'

export type Fetch = typeof globalThis.fetch

export interface HttpAnswer {
  status: number
  /** Parsed JSON; `undefined` when there is none. */
  body: unknown
  headers: Headers
}

/** Requests of one transport. Every method rejects with a `TidewireError` and nothing else. */
export class Http {
  token: string | undefined
  readonly #fetch: Fetch
  readonly #url: string

  constructor(fetch: Fetch, url: string, token: string | undefined) {
    this.#fetch = fetch
    this.#url = url
    this.token = token
  }

  get(path: string, signal: AbortSignal, timeoutMs?: number): Promise<HttpAnswer> {
    return this.#answer(path, {}, signal, timeoutMs)
  }

  post(path: string, body: unknown, signal: AbortSignal): Promise<HttpAnswer> {
    const headers = { 'Content-Type': 'application/json' }
    return this.#answer(path, { method: 'POST', body: JSON.stringify(body), headers }, signal)
  }

  /** The response as soon as its head is there; its body is read by the caller. */
  async open(
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Response> {
    const response = await this.#send(path, { headers, signal })
    if (response.ok) return response
    throw refusal(response, await readJson(response))
  }

  /** Without an answer in time it is as if the network had failed, which a half-open connection does not say. */
  async #answer(
    path: string,
    init: RequestInit,
    signal: AbortSignal,
    timeoutMs = ANSWER_MS,
  ): Promise<HttpAnswer> {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const response = await this.#send(path, { ...init, signal: inTime })
    const body = await readJson(response)
    if (!response.ok) throw refusal(response, body)
    return { status: response.status, body, headers: response.headers }
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers)
    if (this.token !== undefined) headers.set('Authorization', `Bearer ${this.token}`)
    // `include` would send cookies to other origins; what counts is the token.
    const options: RequestInit = { ...init, headers, cache: 'no-store', credentials: 'same-origin' }
    try {
      return await this.#fetch(this.#url + path, options)
    } catch (cause) {
      throw unreachable(cause)
    }
  }
}

export function channelPath(channel: string): string {
  return `/v1/channels/${encodeURIComponent(channel)}/publications`
}

/** The channels were the trouble, each of which may be asked for alone, and not the connection. */
export function isAboutChannels(error: TidewireError): boolean {
  return ABOUT_CHANNELS.has(error.reason)
}

/** Far more than an answer takes; what the queue of publications waits, too. */
const ANSWER_MS = 10_000

const ABOUT_CHANNELS: ReadonlySet<string> = new Set<ErrorReason>([
  'bad_envelope',
  'unknown_type',
  'forbidden',
  'not_found',
  'conflict',
  'unavailable',
])

/** How a failed request is told to the connection. */
export function lostReason(error: TidewireError): DisconnectReason {
  return typeof error.code === 'number' ? (error.reason as ErrorReason) : 'network'
}

async function readJson(response: Response): Promise<unknown> {
  let text: string
  try {
    text = await response.text()
  } catch (cause) {
    throw unreachable(cause)
  }
  try {
    return text === '' ? undefined : (JSON.parse(text) as unknown)
  } catch {
    // A page of a proxy in between.
    return undefined
  }
}

function refusal({ status, headers }: Response, body: unknown): TidewireError {
  const told = body as { code?: unknown; retry_after_ms?: unknown } | undefined | null
  const seconds = Number(headers.get('Retry-After') ?? Number.NaN)
  const retryAfterMs = Number.isNaN(seconds) ? undefined : seconds * 1000
  if (typeof told?.code === 'number') {
    return errorFromPayload({
      ...told,
      ...(told.retry_after_ms === undefined && retryAfterMs !== undefined
        ? { retry_after_ms: retryAfterMs }
        : {}),
    })
  }
  // Not an answer of the server itself: a proxy, or another server.
  const reason = BY_STATUS[status] ?? 'connection_failed'
  return new TidewireError(
    reason,
    `The server, or a proxy before it, answered with status ${status}.`,
    {
      // Also 400 and 408: what a proxy says of a request that broke off.
      temporary: status >= 500 || TEMPORARY.has(status),
      retryAfterMs,
    },
  )
}

const TEMPORARY: ReadonlySet<number> = new Set([400, 408, 429])

const BY_STATUS: Readonly<Record<number, ErrorReason>> = {
  401: 'authentication_failed',
  413: 'message_too_large',
  429: 'rate_limited',
}

function unreachable(cause: unknown): TidewireError {
  return new TidewireError('connection_failed', 'The server cannot be reached.', {
    temporary: true,
    cause,
  })
}
