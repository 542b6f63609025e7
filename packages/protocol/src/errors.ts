/**
 * PROTOCOL.md §7 as data: the only place where a code, its reason and its HTTP status stand together.
 * `temporary`: the very same request may succeed later. `closes`: the error ends the connection whenever it occurs;
 * without it, the connection lives on (or ends by a rule of its own, such as repeated strikes).
 */
export const ERRORS = {
  unknown_error: { code: 4000, http: 500, temporary: true, closes: true },
  authentication_required: { code: 4001, http: 401, temporary: false, closes: true },
  authentication_failed: { code: 4002, http: 401, temporary: false, closes: true },
  origin_not_allowed: { code: 4003, http: 403, temporary: false, closes: true },
  rate_limited: { code: 4004, http: 429, temporary: true, closes: false },
  message_too_large: { code: 4005, http: 413, temporary: false, closes: false },
  session_expired: { code: 4006, http: 401, temporary: false, closes: true },
  too_many_connections: { code: 4007, http: 503, temporary: true, closes: true },
  slow_consumer: { code: 4008, http: 503, temporary: true, closes: true },
  bad_envelope: { code: 4009, http: 400, temporary: false, closes: false },
  unknown_type: { code: 4010, http: 404, temporary: false, closes: false },
  forbidden: { code: 4011, http: 403, temporary: false, closes: false },
  not_found: { code: 4012, http: 404, temporary: false, closes: false },
  conflict: { code: 4013, http: 409, temporary: false, closes: false },
  unavailable: { code: 4014, http: 503, temporary: true, closes: false },
  storage_full: { code: 4015, http: 507, temporary: true, closes: false },
} as const satisfies Record<
  string,
  { code: number; http: number; temporary: boolean; closes: boolean }
>

export type ErrorReason = keyof typeof ERRORS

/** `payload` of an `error` frame and the body of an HTTP error. */
export interface ErrorPayload {
  code: number
  reason: ErrorReason
  message: string
  temporary: boolean
  retry_after_ms?: number
}

/** The one error that crosses the wire. `message` is a sentence that says what to do. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly reason: ErrorReason
  readonly retryAfterMs: number | undefined
  /** Whether the same may go well later. As the reason says, where nothing else is known. */
  readonly temporary: boolean
  /** Of the frame that the error is about, where it could be read: what its answer is correlated by. */
  messageId: string | undefined

  constructor(
    reason: ErrorReason,
    message: string,
    options: { retryAfterMs?: number; temporary?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.reason = reason
    this.retryAfterMs = options.retryAfterMs
    this.temporary = options.temporary ?? ERRORS[reason].temporary
  }

  get code(): number {
    return ERRORS[this.reason].code
  }

  /** The HTTP status that carries this error. */
  get status(): number {
    return ERRORS[this.reason].http
  }

  toPayload(): ErrorPayload {
    const { code, reason, message, temporary, retryAfterMs } = this
    return {
      code,
      reason,
      message,
      temporary,
      ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
    }
  }
}

/** The reason that a close code or an error code stands for; `undefined` for codes that are not ours. */
export function reasonOf(code: number): ErrorReason | undefined {
  return REASONS.get(code)
}

const REASONS = new Map<number, ErrorReason>(
  Object.entries(ERRORS).map(([reason, { code }]) => [code, reason as ErrorReason]),
)
