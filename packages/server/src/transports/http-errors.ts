import { type ErrorPayload, type ErrorReason, ProtocolError, reasonOf } from '@tidewire/protocol'
import type { Context } from 'hono'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { SERVICE_RESTART } from '../core/ports/connection.ts'
import type { Observer } from '../core/ports/observer.ts'

/** What a client is told about `error`. What is not a `ProtocolError` is the server's fault and goes to the log. */
export function toProtocolError(error: unknown, observer: Observer, where: string): ProtocolError {
  if (error instanceof ProtocolError) return error
  observer.failed(where, error)
  return new ProtocolError(
    'unknown_error',
    'Something went wrong on the server. Try again; the log of the server says what it was.',
    { cause: error },
  )
}

/** The error of an `error` frame. */
export function errorOf({ reason, message, retry_after_ms }: ErrorPayload): ProtocolError {
  return new ProtocolError(
    reason,
    message,
    retry_after_ms === undefined ? {} : { retryAfterMs: retry_after_ms },
  )
}

/** The headers of an error as an answer, but for the length of its body. */
export function headersOf(error: ProtocolError): Record<string, string> {
  const headers: Record<string, string> = {
    'Cache-Control': 'no-store',
    'Content-Type': 'application/json',
  }
  if (error.status === 401) headers['WWW-Authenticate'] = 'Bearer'
  if (error.retryAfterMs !== undefined) {
    headers['Retry-After'] = String(Math.ceil(error.retryAfterMs / 1000))
  }
  return headers
}

/** Answers a request that was not answered yet with an error of PROTOCOL.md §7. */
export function answerError(
  response: ServerResponse,
  error: ProtocolError,
  status: number = error.status,
): void {
  if (response.headersSent || response.destroyed) return
  const body = JSON.stringify(error.toPayload())
  response.writeHead(status, {
    ...headersOf(error),
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
}

/** An error as the answer of a route. `status` differs from the error's own in few places. */
export function errorResponse(c: Context, error: ProtocolError, status = error.status): Response {
  const init = { status: status as 400, headers: headersOf(error) }
  return c.newResponse(JSON.stringify(error.toPayload()), init)
}

const MAX_HEADERS = 100

/** The refusal (431) of a request with more headers than anyone needs: each costs something in every part that looks. */
export function manyHeaders({ rawHeaders }: IncomingMessage): ProtocolError | undefined {
  if (rawHeaders.length <= 2 * MAX_HEADERS) return undefined
  return new ProtocolError(
    'bad_envelope',
    `The request has more than ${MAX_HEADERS} headers. Send fewer.`,
  )
}

/** Answers everything but GET. */
export function answerMethod(response: ServerResponse): void {
  response.setHeader('Allow', 'GET')
  answerError(response, methodError('GET'), 405)
}

export function methodError(allowed: string): ProtocolError {
  return new ProtocolError('bad_envelope', `This address takes ${allowed} and no other method.`)
}

export function notOffered(why: string): ProtocolError {
  return new ProtocolError('not_found', `This server does not offer it. ${why}`)
}

const SENTENCES: Partial<Record<ErrorReason, string>> = {
  authentication_failed: 'The token no longer counts. Connect again with another one.',
  session_expired: 'The token is past its expiry. Connect again with a new one.',
  slow_consumer: 'The connection did not keep up. Connect again from the last position.',
  too_many_connections: 'The server is full. Connect again later.',
  rate_limited: 'Too much at once. Connect again more slowly.',
}

/**
 * The error that a close code stands for; `undefined` when the connection ends in peace. `retryAfterMs` is for a
 * server that goes away.
 */
export function closeError(code: number, retryAfterMs?: number): ProtocolError | undefined {
  const reason = reasonOf(code)
  if (reason !== undefined) {
    const sentence = SENTENCES[reason] ?? 'The server ended the connection. Connect again.'
    return new ProtocolError(reason, sentence)
  }
  if (code !== SERVICE_RESTART && code !== 1001) return undefined
  return new ProtocolError(
    'unavailable',
    'The server goes away for a moment. Connect again.',
    retryAfterMs === undefined ? {} : { retryAfterMs },
  )
}
