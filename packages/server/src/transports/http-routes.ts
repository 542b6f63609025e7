import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import type { Context, MiddlewareHandler } from 'hono'
import type { Service } from '../core/ports/service.ts'
import type { Env, HttpAppOptions, Routes } from './http-app.ts'
import { jsonBody } from './http-body.ts'
import { errorResponse, toProtocolError } from './http-errors.ts'
import {
  CallBody,
  ChannelPath,
  check,
  HistoryQuery,
  PublishBody,
  PublishManyBody,
  UserPath,
} from './http-schemas.ts'

export interface RouteOptions extends HttpAppOptions {
  /** Finds out who asks, and counts it. */
  authenticate: MiddlewareHandler<Env>
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
  const { service, frame, authenticate } = options
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

  app.post(path, authenticate, async (c) => {
    const { channel } = check(ChannelPath, c.req.param())
    const body = check(PublishBody, await jsonBody(c.req, frame))
    const receipt = await publish(service, c, channel, body)
    return c.json(receipt, receipt.duplicate ? 200 : 201)
  })

  app.post('/v1/publications', authenticate, async (c) => {
    const { channels, ...body } = check(PublishManyBody, await jsonBody(c.req, frame))
    const results = channels.map((channel) =>
      publish(service, c, channel, body).then(
        (receipt) => ({ channel, ...receipt }),
        (error: unknown) => ({
          channel,
          error: toProtocolError(error, options.observer, 'http').toPayload(),
        }),
      ),
    )
    return c.json({ results: await Promise.all(results) })
  })
}

async function publish(
  service: Service,
  c: Context<Env>,
  channel: string,
  body: { type: string; payload?: JsonObject | undefined; message_id?: string | undefined },
) {
  const { type, payload = {}, message_id } = body
  const request = { channel, type, payload, ...(message_id === undefined ? {} : { message_id }) }
  const receipt = await service.publish(c.get('actor'), request)
  // In this order, and nothing that a broker adds.
  return {
    ...defined({ epoch: receipt.epoch, offset: receipt.offset }),
    message_id: receipt.message_id,
    duplicate: receipt.duplicate,
  }
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
