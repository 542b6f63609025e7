import {
  type ErrorPayload,
  type ErrorReason,
  ERRORS,
  type Envelope,
  reasonOf,
} from '@tidewire/protocol'

/** Codes of errors that arise in the client itself. Codes of the server are the numbers of PROTOCOL.md §7. */
export type LocalErrorCode =
  | 'aborted'
  | 'buffer_overflow'
  | 'closed'
  | 'connection_failed'
  | 'invalid_argument'
  | 'listener_failed'
  | 'queue_full'
  | 'timeout'
  | 'unauthorized'
  | 'unsupported'

/**
 * The one error of this package.
 *
 * - `code`: a number of PROTOCOL.md §7 when the server said it, else one of `LocalErrorCode`
 * - `reason`: the name of the code
 * - `temporary`: the same call may succeed later without being changed
 * - `retryAfterMs`: how long to wait before that, when the server said so
 */
export class TidewireError extends Error {
  override readonly name = 'TidewireError'
  readonly code: number | LocalErrorCode
  readonly reason: ErrorReason | LocalErrorCode
  readonly temporary: boolean
  readonly retryAfterMs?: number

  constructor(
    code: ErrorReason | LocalErrorCode,
    message: string,
    options: { temporary?: boolean; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    const known = isServerReason(code) ? ERRORS[code] : undefined
    this.code = known === undefined ? (code as LocalErrorCode) : known.code
    this.reason = code
    this.temporary = options.temporary ?? known?.temporary ?? false
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
  }
}

/** Throw it in `getToken` to say that nobody is signed in: the client stops retrying and is `failed`. */
export class UnauthorizedError extends Error {
  override readonly name = 'UnauthorizedError'
}

/** The error that an `error` frame or the body of an HTTP error tells of. */
export function errorFromPayload(payload: unknown): TidewireError {
  const told = (
    typeof payload === 'object' && payload !== null ? payload : {}
  ) as Partial<ErrorPayload>
  const reason = typeof told.code === 'number' ? reasonOf(told.code) : undefined
  return new TidewireError(
    reason ?? 'unknown_error',
    typeof told.message === 'string' ? told.message : 'The server reported an error.',
    {
      ...(typeof told.temporary === 'boolean' ? { temporary: told.temporary } : {}),
      ...(typeof told.retry_after_ms === 'number' ? { retryAfterMs: told.retry_after_ms } : {}),
    },
  )
}

/** The `error` frame that a transport over HTTP makes of a failed request. */
export function errorEnvelope(error: TidewireError, correlationId: string | undefined): Envelope {
  const code = typeof error.code === 'number' ? error.code : ERRORS.unavailable.code
  return {
    type: 'error',
    payload: {
      code,
      reason: reasonOf(code) ?? 'unknown_error',
      message: error.message,
      temporary: error.temporary,
      ...(error.retryAfterMs === undefined ? {} : { retry_after_ms: error.retryAfterMs }),
    },
    metadata: correlationId === undefined ? {} : { correlation_id: correlationId },
  }
}

function isServerReason(code: string): code is ErrorReason {
  return Object.hasOwn(ERRORS, code)
}
