import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server'
import { ProtocolError } from '@tidewire/protocol'
import type { Clock } from '../core/ports/clock.ts'
import type { Observer } from '../core/ports/observer.ts'
import type { Turnstile } from './turnstile.ts'
import { allowOrigin, answerPreflight, isPreflight, varyByOrigin, withVary } from './cors.ts'
import type { Visitor } from './door.ts'
import { HttpApp, type HttpAppOptions } from './http-app.ts'
import { discardBody } from './http-body.ts'
import {
  answerError,
  answerMethod,
  headersOf,
  manyHeaders,
  toProtocolError,
} from './http-errors.ts'
import { JsonTexts } from './json-texts.ts'
import { PollTransport } from './poll.ts'
import { splitTarget } from './request.ts'
import { SseTransport } from './sse.ts'

export type { RouteContext, RouteHandler } from './http-app.ts'

export interface HttpApiOptions extends HttpAppOptions {
  turnstile: Turnstile
  clock: Clock
}

/** Everything of PROTOCOL.md §8 on one port. */
export interface HttpApi {
  /** For `request` events of an `http.Server`. */
  listener: (request: IncomingMessage, response: ServerResponse) => void
  /** Adds a route, such as `('POST', '/v1/orders/:id', handler)`, for authenticated requests. */
  route: HttpApp['route']
  /** Whether a route reads the body of the request as it comes, however long that takes. */
  isStreamed: (request: IncomingMessage) => boolean
  /** Stops the timers. Open responses are the sessions' to end. */
  close(): void
}

/** The streams are written to the response itself; all the rest is one request and one answer. */
export function createRequestListener(options: HttpApiOptions): HttpApi {
  const { service, turnstile, observer, clock } = options
  const app = new HttpApp(options)
  const shared = { service, turnstile, observer, clock, texts: new JsonTexts() }
  const sse = new SseTransport(shared)
  const poll = new PollTransport(shared)
  const answer = getRequestListener(
    async (request, env) => {
      const response = await app.fetch(request, env as HttpBindings)
      await discardBody((env as HttpBindings).incoming)
      return withVary(response)
    },
    {
      overrideGlobalObjects: false,
      errorHandler: (error) => malformed(error, observer),
    },
  )
  return {
    listener(request, response) {
      const stream = streamOf(request.url ?? '')
      const visitor = greet(request, response, stream ?? 'http', options)
      if (visitor === undefined) return
      if (isPreflight(request)) answerPreflight(response)
      else if (stream === undefined) void answer(request, response)
      else if (request.method !== 'GET') answerMethod(response)
      else if (stream === 'sse') void sse.handle(request, response, visitor)
      else void poll.handle(request, response, visitor)
    },
    route: (...route) => app.route(...route),
    isStreamed: ({ method = '', url = '' }) => app.isStreamed(method, splitTarget(url).path),
    close: () => sse.close(),
  }
}

function streamOf(target: string): 'sse' | 'poll' | undefined {
  const { path } = splitTarget(target)
  return path === '/v1/sse' ? 'sse' : path === '/v1/poll' ? 'poll' : undefined
}

/** What every answer has, refusals included. Undefined when the request was refused, and answered. */
function greet(
  request: IncomingMessage,
  response: ServerResponse,
  transport: string,
  { door, observer }: HttpApiOptions,
): Visitor | undefined {
  response.setHeader('X-Content-Type-Options', 'nosniff')
  varyByOrigin(response)
  const many = manyHeaders(request)
  try {
    if (many !== undefined) throw many
    const visitor = door.check(request, transport)
    if (visitor.origin !== undefined) allowOrigin(response, visitor.origin)
    return visitor
  } catch (error) {
    const refused = toProtocolError(error, observer, 'door')
    answerError(response, refused, error === many ? 431 : refused.status)
    return undefined
  }
}

function malformed(error: unknown, observer: Observer): Response {
  const answer =
    error instanceof RequestError
      ? new ProtocolError('bad_envelope', 'The request is malformed: look at its Host and address.')
      : toProtocolError(error, observer, 'http')
  return Response.json(answer.toPayload(), { status: answer.status, headers: headersOf(answer) })
}
