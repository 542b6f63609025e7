import { ProtocolError } from '@tidewire/protocol'

/** RFC 6750 §2.1: one scheme, one space or more, and a token of characters that need no quoting. */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i
const MAX_LENGTH = 8192

/**
 * The token of a request: of its `Authorization` header, which wins, or of `?token=` where a caller passes the query,
 * for clients that cannot set headers (`EventSource`). `undefined` when there is neither.
 * Throws `authentication_failed` for one that cannot be a token; the message repeats no part of it.
 */
export function tokenOf(
  authorization: string | undefined,
  query?: URLSearchParams,
): string | undefined {
  if (authorization !== undefined) {
    const token = BEARER.exec(authorization)?.[1]
    if (token === undefined || token.length > MAX_LENGTH) {
      throw failed('The Authorization header is malformed. Send `Authorization: Bearer <token>`.')
    }
    return token
  }
  const token = query?.get('token') ?? undefined
  if (token !== undefined && (token === '' || token.length > MAX_LENGTH)) {
    throw failed('`token` is empty or too long. Send a token, or leave the parameter out.')
  }
  return token
}

function failed(message: string): ProtocolError {
  return new ProtocolError('authentication_failed', message)
}
