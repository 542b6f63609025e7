import type { IncomingMessage, ServerResponse } from 'node:http'

// There are no cookies, so no Access-Control-Allow-Credentials: a page shows its token itself.

const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'GET, POST, PUT, PATCH, DELETE',
  'Access-Control-Allow-Headers': 'authorization, content-type, last-event-id',
  'Access-Control-Max-Age': '600',
}

/** The headers of every answer, names and values in turn: who it depends on, and, for a page that may, that it can be read. */
export function everyAnswer(origin?: string): string[] {
  const headers = ['X-Content-Type-Options', 'nosniff', 'Vary', 'Origin']
  if (origin !== undefined) {
    headers.push('Access-Control-Allow-Origin', origin)
    headers.push('Access-Control-Expose-Headers', 'Tidewire-Cursor, Retry-After')
  }
  return headers
}

/** `headers`: as of `everyAnswer`. */
export function setHeaders(response: ServerResponse, headers: readonly string[]): void {
  for (let i = 0; i < headers.length; i += 2) response.setHeader(headers[i]!, headers[i + 1]!)
}

/** Whether it is the question of a browser that comes before the request of a page of another origin. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  )
}

export function answerPreflight(response: ServerResponse): void {
  response.writeHead(204, PREFLIGHT)
  response.end()
}

/** A page of the server is the same for everybody. */
export function leaveOutCors(response: ServerResponse): void {
  response.removeHeader('Vary')
  response.removeHeader('Access-Control-Allow-Origin')
  response.removeHeader('Access-Control-Expose-Headers')
}

/** A route that names what its answer varies by leaves out our part. */
export function withVary(response: Response): Response {
  const vary = response.headers.get('vary')
  if (vary === null || /(^|[,\s])(origin|\*)($|[,\s])/i.test(vary)) return response
  // Those of a response that was fetched cannot be changed.
  const headers = new Headers(response.headers)
  headers.append('Vary', 'Origin')
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers })
}
