import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FrameLimits, JsonObject, ProtocolError } from '@tidewire/protocol'
import type { Observer } from '../core/ports/observer.ts'
import type { Service } from '../core/ports/service.ts'
import { everyAnswer } from './cors.ts'
import type { Visitor } from './door.ts'
import { actorOf } from './http-actor.ts'
import { bodyTooLarge, discardBody, maxBodyBytes, readAll, toJsonBody } from './http-body.ts'
import { headersOf, toProtocolError } from './http-errors.ts'
import { type PublishAnswer, Publications } from './http-publications.ts'

/** A name in a path that reads the same whether it is decoded or not. */
const ONE = /^\/v1\/channels\/([A-Za-z0-9_.,=@-]+:[A-Za-z0-9_.,=@:-]+)\/publications$/
const MANY = '/v1/publications'
const HOST = /^[a-z0-9.-]+(?::\d+)?$/i

/** What is published to: a channel, or those that the body names. */
export interface PublishTarget {
  channel: string | undefined
}

/**
 * Takes most requests to publish before the router does: on what Node brought, without a `Request`, a `Response` and the
 * streams between them, which cost more than to publish does. What it does not take (an encoded name, a body of
 * unknown length, a host that needs a closer look) the routes of http-routes.ts take, with the same rules and answers.
 */
export class PublishEndpoint {
  readonly #service: Service
  readonly #observer: Observer
  readonly #frame: FrameLimits
  readonly #maxBytes: number
  readonly #publications: Publications
  /** The last one that was found good. */
  #host: string | undefined

  constructor(options: { service: Service; observer: Observer; frame: FrameLimits }) {
    this.#service = options.service
    this.#observer = options.observer
    this.#frame = options.frame
    this.#maxBytes = maxBodyBytes(options.frame)
    this.#publications = new Publications(options)
  }

  /** What the request publishes to; undefined when it is not for this part. */
  targetOf(request: IncomingMessage): PublishTarget | undefined {
    const { method, url = '', headers } = request
    if (method !== 'POST') return undefined
    const channel = ONE.exec(url)?.[1]
    if (channel === undefined && url !== MANY) return undefined
    const { host, 'content-length': length, 'transfer-encoding': encoding } = headers
    if (length === undefined || encoding !== undefined || !this.#isPlain(host)) return undefined
    // Node takes the first of several, the routes refuse them: whoever stands before us may have looked at another one.
    return hasSeveral(request.rawHeaders, 'authorization') ? undefined : { channel }
  }

  /** Answers a request that was let in. Never rejects. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    { address, origin }: Visitor,
    { channel }: PublishTarget,
  ): Promise<void> {
    const head = everyAnswer(origin)
    try {
      const actor = await actorOf(this.#service, request.headers.authorization, address)
      const body = (): Promise<JsonObject> => this.#body(request)
      const { status, body: answer }: PublishAnswer =
        channel === undefined
          ? await this.#publications.many(actor, body)
          : await this.#publications.one(actor, { channel }, body)
      send(response, status, head, JSON.stringify(answer))
    } catch (error) {
      // Nobody is there any more who could read an answer.
      if (response.destroyed || (request.destroyed && !request.complete)) return
      const refused = toProtocolError(error, this.#observer, 'http')
      await discardBody(request)
      refuse(response, refused, head)
    }
  }

  async #body(request: IncomingMessage): Promise<JsonObject> {
    // Node holds the peer to the length that it announced.
    const length = Number(request.headers['content-length'])
    if (length > this.#maxBytes) throw bodyTooLarge(this.#maxBytes)
    return toJsonBody(await readAll(request), this.#frame)
  }

  /** Whether `Host` is a name that can be told without the rules of URLs. */
  #isPlain(host: string | undefined): boolean {
    if (host === undefined) return false
    if (host === this.#host) return true
    if (!HOST.test(host) || !URL.canParse(`http://${host}`)) return false
    this.#host = host
    return true
  }
}

/** `rawHeaders`: names and values in turn. */
function hasSeveral(rawHeaders: readonly string[], name: string): boolean {
  let seen = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const header = rawHeaders[i]!
    if (header.length === name.length && header.toLowerCase() === name) seen += 1
  }
  return seen > 1
}

const OK = ['content-type', 'application/json', 'content-length']

function send(response: ServerResponse, status: number, head: string[], body: string): void {
  head.push(...OK, String(Buffer.byteLength(body)))
  response.writeHead(status, head)
  response.end(body)
}

/** As the routes do, whose headers come in the order of their names. */
function refuse(response: ServerResponse, error: ProtocolError, head: string[]): void {
  const body = JSON.stringify(error.toPayload())
  const headers = new Headers(headersOf(error))
  for (const [name, value] of headers) head.push(name, value)
  head.push('content-length', String(Buffer.byteLength(body)))
  response.writeHead(error.status, head)
  response.end(body)
}
