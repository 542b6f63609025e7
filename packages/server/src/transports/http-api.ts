import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server'
import { ProtocolError } from '@tidewire/protocol'
import type { Clock } from '../core/ports/clock.ts'
import type { Observer } from '../core/ports/observer.ts'
import type { Turnstile } from './turnstile.ts'
import { answerPreflight, everyAnswer, isPreflight, setHeaders, withVary } from './cors.ts'
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
import { PublishEndpoint } from './http-publish.ts'
import { PollTransport } from './poll.ts'
import { pathOf } from './request.ts'
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
  const shared = { service, turnstile, observer, clock }
  const sse = new SseTransport(shared)
  const poll = new PollTransport(shared)
  const publish = new PublishEndpoint(options)
  const answer = getRequestListener(
    async (request, env) => {
      const response = await app.fetch(request, env as HttpBindings)
      await discardBody((env as HttpBindings).incoming)
      return withVary(response)
    },
    {
      overrideGlobalObjects: false,
      // HTTP/1.0 needs no `Host`, and load balancers that look after us send none. Who may come without, the door knows.
      hostname: 'localhost',
      errorHandler: (error) => malformed(error, observer),
    },
  )
  return {
    listener(request, response) {
      const stream = streamOf(request.url ?? '')
      const visitor = look(request, response, stream ?? 'http', options)
      if (visitor === undefined) return
      const target = publish.targetOf(request)
      if (target !== undefined) {
        void publish.handle(request, response, visitor, target)
        return
      }
      if (stream === 'poll' && request.method === 'GET') {
        void poll.handle(request, response, visitor)
        return
      }
      setHeaders(response, everyAnswer(visitor.origin))
      if (isPreflight(request)) answerPreflight(response)
      else if (stream === undefined) void answer(request, response)
      else if (request.method !== 'GET') answerMethod(response)
      else void sse.handle(request, response, visitor)
    },
    route: (...route) => app.route(...route),
    isStreamed: ({ method = '', url = '' }) => app.isStreamed(method, pathOf(url)),
    close: () => sse.close(),
  }
}

function streamOf(target: string): 'sse' | 'poll' | undefined {
  const path = pathOf(target)
  return path === '/v1/sse' ? 'sse' : path === '/v1/poll' ? 'poll' : undefined
}

/** Who asks. Undefined when the request was refused, and answered. */
function look(
  request: IncomingMessage,
  response: ServerResponse,
  transport: string,
  { door, observer }: HttpApiOptions,
): Visitor | undefined {
  const many = manyHeaders(request)
  try {
    if (many !== undefined) throw many
    return door.check(request, transport)
  } catch (error) {
    const refused = toProtocolError(error, observer, 'door')
    setHeaders(response, everyAnswer())
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
