import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import type { MiddlewareHandler } from 'hono'
import type { Env, HttpAppOptions, Routes } from './http-app.ts'
import { jsonBody } from './http-body.ts'
import { errorResponse } from './http-errors.ts'
import { Publications } from './http-publications.ts'
import { CallBody, ChannelPath, check, HistoryQuery, UserPath } from './http-schemas.ts'

export interface RouteOptions extends HttpAppOptions {
  /** Finds out who asks, and counts it. */
  authenticate: MiddlewareHandler<Env>
  /** As `authenticate`, for publishes, which are counted as such. */
  authenticatePublish: MiddlewareHandler<Env>
  /** Behind `authenticate`: refuses everybody but backends. */
  serversOnly: MiddlewareHandler<Env>
  /** Counts a request of whoever asks. */
  admit: MiddlewareHandler<Env>
}

const CALL_MS = 5_000

/** The routes of the API. What openapi.json says about them is in openapi.ts. */
export function addRoutes(app: Routes, options: RouteOptions): void {
  addHealth(app, options)
  addPublications(app, options)
  addUsers(app, options)
  app.get('/v1/ws', options.admit, (c) => {
    c.header('Upgrade', 'websocket')
    const error = new ProtocolError('bad_envelope', 'Open a WebSocket here: this was a plain GET.')
    return errorResponse(c, error, 426)
  })
}

function addHealth(app: Routes, { readiness }: RouteOptions): void {
  app.get('/health', (c) => c.json({ status: 'ok' }))
  app.get('/ready', (c) => {
    const reasons = readiness()
    if (reasons.length === 0) return c.json({ status: 'ready' })
    const error = new ProtocolError('unavailable', `Not ready: ${reasons.join(', ')}.`)
    return c.json({ ...error.toPayload(), reasons }, 503)
  })
}

function addPublications(app: Routes, options: RouteOptions): void {
  const { service, frame, authenticate, authenticatePublish } = options
  const path = '/v1/channels/:channel/publications'

  app.get(path, authenticate, async (c) => {
    const { channel } = check(ChannelPath, c.req.param())
    const request = check(HistoryQuery, c.req.query())
    const { epoch, oldest, newest, publications, more } = await service.history(
      c.get('actor'),
      channel,
      defined(request),
    )
    return c.json({ channel, epoch, oldest, newest, publications, more })
  })

  // Most of these requests do not come here: see http-publish.ts.
  const publications = new Publications(options)
  app.post(path, authenticatePublish, async (c) => {
    const body = (): Promise<JsonObject> => jsonBody(c.req, frame)
    const answer = await publications.one(c.get('actor'), c.req.param(), body)
    return c.json(answer.body, answer.status)
  })

  app.post('/v1/publications', authenticatePublish, async (c) => {
    const answer = await publications.many(c.get('actor'), () => jsonBody(c.req, frame))
    return c.json(answer.body, answer.status)
  })
}

function addUsers(app: Routes, { service, frame, authenticate }: RouteOptions): void {
  app.post('/v1/users/:user/call', authenticate, async (c) => {
    const { user } = check(UserPath, c.req.param())
    const body = check(CallBody, await jsonBody(c.req, frame))
    const { method, args = null, timeout_ms = CALL_MS } = body
    try {
      return c.json({ ...(await service.call(c.get('actor'), user, method, args, timeout_ms)) })
    } catch (error) {
      // It is the client behind this server that did not answer.
      if (error instanceof ProtocolError && error.reason === 'unavailable') {
        return errorResponse(c, error, 504)
      }
      throw error
    }
  })

  app.post('/v1/users/:user/disconnect', authenticate, async (c) => {
    const { user } = check(UserPath, c.req.param())
    const disconnected = await service.disconnect(c.get('actor'), { user }, { revoke: false })
    return c.json({ disconnected })
  })
}

/** Without the fields that are undefined. */
export function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
