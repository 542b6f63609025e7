import type { IncomingMessage, ServerResponse } from 'node:http'

// There are no cookies, so no Access-Control-Allow-Credentials: a page shows its token itself.

const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'GET, POST, PUT, PATCH, DELETE',
  'Access-Control-Allow-Headers': 'authorization, content-type, last-event-id',
  'Access-Control-Max-Age': '600',
}

/** What every answer says, whatever follows: who it depends on. */
export function varyByOrigin(response: ServerResponse): void {
  response.setHeader('Vary', 'Origin')
}

/** Lets the page read the answer, errors included. */
export function allowOrigin(response: ServerResponse, origin: string): void {
  response.setHeader('Access-Control-Allow-Origin', origin)
  response.setHeader('Access-Control-Expose-Headers', 'Tidewire-Cursor, Retry-After')
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
