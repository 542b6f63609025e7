import type { HttpBindings } from '@hono/node-server'
import { OpenAPIHono } from '@hono/zod-openapi'
import { type FrameLimits, ProtocolError } from '@tidewire/protocol'
import type { Context, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { TrieRouter } from 'hono/router/trie-router'
import { type Actor, ANYONE } from '../core/ports/actor.ts'
import type { MemberStore } from '../core/ports/members.ts'
import type { Observer } from '../core/ports/observer.ts'
import type { Service } from '../core/ports/service.ts'
import { leaveOutCors } from './cors.ts'
import type { Door } from './door.ts'
import { actorOf } from './http-actor.ts'
import { errorResponse, methodError, toProtocolError } from './http-errors.ts'
import { bodyTooLarge, maxBodyBytes, readChunks } from './http-body.ts'
import { addMemberRoutes } from './http-members.ts'
import { addRoutes } from './http-routes.ts'
import { addTokenRoutes, type DevToken, type TokenIssuer } from './http-tokens.ts'
import { openApiDocument } from './openapi.ts'
import type { DescribedRoute } from './openapi-routes.ts'

export interface HttpAppOptions {
  door: Door
  service: Service
  observer: Observer
  /** Bounds of a frame, and of a body as of a frame. */
  frame: FrameLimits
  /** Why the server should get no traffic; empty when it is ready. */
  readiness: () => readonly string[]
  /** Makes and renews tokens; without it nobody can ask for one. */
  tokens?: TokenIssuer | undefined
  /** What the rule `member` asks. With `remove` end the rights that stood on the membership. */
  members?: MemberStore | undefined
  /** Only for development: gives anyone who asks a token of any user. */
  issueDevToken?: (user: string) => Promise<DevToken>
  /** What openapi.json says about the routes that were added. */
  described?: () => readonly DescribedRoute[]
  /** For GET and HEAD requests outside of `/v1/` that no route takes, such as those of a page. */
  fallback?: (request: Request) => Response | Promise<Response>
}

/** What a handler of `route` is given. */
export interface RouteContext {
  request: Request
  actor: Actor
  /** The named parts of the path (`/orders/:id`), decoded. */
  params: Record<string, string>
}

export interface RouteLimits {
  /** Of the body; without it, a little more than a frame may have. */
  maxBodyBytes?: number
  /**
   * The handler reads the body as it comes, and counts its bytes: only an announced length is held to `maxBodyBytes` before.
   * It may take as long as it moves. The path has no named parts.
   */
  streamed?: boolean
  /** As how many frames it counts for its user; one when not given. */
  cost?: number
  /** Also for who shows no token: the handler looks for itself whether it may answer. */
  anyone?: boolean
}

/** A thrown `ProtocolError` becomes its answer. */
export type RouteHandler = (context: RouteContext) => Response | Promise<Response>

export interface Env {
  Bindings: HttpBindings
  Variables: { actor: Actor }
}

export type Routes = OpenAPIHono<Env>

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Everything of PROTOCOL.md §8 that is one request and one answer. */
export class HttpApp {
  readonly #options: HttpAppOptions
  readonly #bounded: MiddlewareHandler<Env>
  /** By method and path: the routes that read bodies as they come. */
  readonly #streamed = new Set<string>()
  // This router takes routes at any time, also after the first request.
  readonly #app: Routes = new OpenAPIHono<Env>({ router: new TrieRouter() })

  constructor(options: HttpAppOptions) {
    this.#options = options
    const { door, service } = options
    const admit: MiddlewareHandler<Env> = async (c, next) => {
      service.admit(door.addressOf(c.env.incoming), 'request')
      await next()
    }
    const serversOnly: MiddlewareHandler<Env> = async (c, next) => {
      const { kind, user, address } = c.get('actor')
      if (kind === 'server') return next()
      const error =
        kind === 'anyone'
          ? new ProtocolError(
              'authentication_required',
              'Send a server key: `Authorization: Bearer`.',
            )
          : new ProtocolError('forbidden', 'Only a server key may do this.')
      const who = { user, address, transport: 'http' }
      options.observer.refused({ reason: error.reason, action: 'request', ...who })
      throw error
    }
    this.#bounded = boundBody(maxBodyBytes(options.frame))
    this.#app.onError((error, c) => this.#fail(error, c))
    this.#app.notFound((c) => this.#notFound(c))
    const routes = {
      ...options,
      authenticate: this.#authenticator(),
      authenticatePublish: this.#authenticator({ cost: 0 }),
      serversOnly,
      admit,
    }
    addRoutes(this.#app, routes)
    addTokenRoutes(this.#app, routes)
    addMemberRoutes(this.#app, routes)
    let document: object | undefined
    this.#app.get('/openapi.json', admit, (c) =>
      c.json((document ??= openApiDocument(this.#app, options.described?.()))),
    )
  }

  /** Adds a route for authenticated requests. Bodies are bounded as those of the API are, or by `maxBodyBytes`. */
  route(method: string, path: string, handler: RouteHandler, options: RouteLimits = {}): void {
    const { maxBodyBytes: maxSize, streamed = false } = options
    const bounded = maxSize === undefined ? this.#bounded : boundBody(maxSize, streamed)
    if (streamed) this.#streamed.add(`${method.toUpperCase()} ${path}`)
    this.#app.on(method.toUpperCase(), path, this.#authenticator(options), bounded, (c) =>
      handler({ request: c.req.raw, actor: c.get('actor'), params: c.req.param() }),
    )
  }

  /** Whether a route reads this body as it comes. */
  isStreamed(method: string, path: string): boolean {
    return this.#streamed.size > 0 && this.#streamed.has(`${method} ${path}`)
  }

  fetch(request: Request, env: HttpBindings): Response | Promise<Response> {
    return this.#app.fetch(request, env)
  }

  /** Finds out who asks, and counts the request. */
  #authenticator({ anyone = false, cost = 1 }: RouteLimits = {}): MiddlewareHandler<Env> {
    const { door, service } = this.#options
    return async (c, next) => {
      const address = door.addressOf(c.env.incoming)
      const authorization = c.req.header('authorization')
      if (anyone && authorization === undefined) {
        service.admit(address, 'request')
        c.set('actor', { ...ANYONE, address })
      } else {
        const actor = await actorOf(service, authorization, address)
        service.count(actor, cost)
        c.set('actor', actor)
      }
      await next()
    }
  }

  #fail(error: Error, c: Context): Response {
    if (error instanceof HTTPException) return error.getResponse()
    // Nobody is there any more who could read an answer.
    if (c.req.raw.signal.aborted) return new Response(null, { status: 499 })
    return errorResponse(c, toProtocolError(error, this.#options.observer, 'http'))
  }

  async #notFound(c: Context<Env>): Promise<Response> {
    const { method, path } = c.req
    const allowed = METHODS.filter((candidate) => this.#app.router.match(candidate, path)[0].length)
    if (allowed.length > 0 && !(method === 'HEAD' && allowed.includes('GET'))) {
      c.header('Allow', allowed.join(', '))
      return errorResponse(c, methodError(allowed.join(' or ')), 405)
    }
    const { fallback } = this.#options
    if (fallback !== undefined && !path.startsWith('/v1/') && /^(GET|HEAD)$/.test(method)) {
      const response = await fallback(c.req.raw)
      if (response.status !== 404) {
        leaveOutCors(c.env.outgoing)
        return response
      }
    }
    throw new ProtocolError('not_found', `There is nothing at this address. See /openapi.json.`)
  }
}

/** Bodies without a length are read whole first, or left to a handler that counts. */
function boundBody(maxBytes: number, streamed = false): MiddlewareHandler<Env> {
  return async (c, next) => {
    const { raw } = c.req
    if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw bodyTooLarge(maxBytes)
    if (!streamed && c.req.header('transfer-encoding') !== undefined) {
      const body = await readChunks(raw.body, maxBytes)
      const { url, method, headers, signal } = raw
      c.req.raw = new Request(url, { method, headers, signal, body })
    }
    await next()
  }
}
