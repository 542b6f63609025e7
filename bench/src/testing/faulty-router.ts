import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { type WebSocket, WebSocketServer } from 'ws'

/** Which publish it is, by the digits that its payload begins with. */
export interface Publish {
  publisher: number
  channel: number
  sequence: number
}

export interface RouterFaults {
  /** What subscriber number `subscriber` is sent in place of `message`. */
  deliver?: (message: string, at: Publish & { subscriber: number; socket: WebSocket }) => string[]
  /** What the publisher is told in place of `ack`. */
  acknowledge?: (ack: string, at: Publish) => string[]
  /** What an HTTP publish is answered. */
  respond?: (receipt: string, at: Publish) => { status: number; body: string }
}

/**
 * Many channels, with faults: as much of the `ws` protocol (at `/`), of Tidewire's (at `/v1/ws`) and of
 * its HTTP publish as the generator speaks.
 */
export class FaultyRouter implements AsyncDisposable {
  readonly port: number
  /** By channel, the numbers of the connections. */
  readonly subscribers = new Map<string, number[]>()
  readonly #http: Server
  readonly #sockets: WebSocketServer
  readonly #faults: RouterFaults
  readonly #connections: WebSocket[] = []
  readonly #offsets = new Map<string, number>()

  private constructor(http: Server, faults: RouterFaults) {
    this.port = (http.address() as AddressInfo).port
    this.#http = http
    this.#faults = faults
    this.#sockets = new WebSocketServer({ server: http, perMessageDeflate: false })
    this.#sockets.on('connection', (socket, request) => {
      if (request.url === '/v1/ws') this.#tidewire(socket)
      else this.#plain(socket)
    })
    http.on('request', (request, response) => void this.#post(request, response))
  }

  static async start(faults: RouterFaults): Promise<FaultyRouter> {
    const http = createServer().listen(0, '127.0.0.1')
    await once(http, 'listening')
    return new FaultyRouter(http, faults)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closeAll()
    this.#http.closeAllConnections()
    this.#http.close()
    await once(this.#http, 'close')
  }

  /** Cuts every connection. */
  closeAll(): void {
    for (const socket of this.#sockets.clients) socket.terminate()
  }

  #plain(socket: WebSocket): void {
    socket.on('message', (data: Buffer) => {
      const text = data.toString()
      const { subscribe, channel = '', id, payload } = JSON.parse(text) as PlainMessage
      if (subscribe !== undefined) {
        this.#subscribe(socket, subscribe)
        socket.send('{"subscribed":true}')
        return
      }
      const at = publishOf(payload)
      this.#deliver(channel, text, at)
      if (id !== undefined) this.#acknowledge(socket, `{"ack":"${id}"}`, at)
    })
  }

  #tidewire(socket: WebSocket): void {
    socket.send('{"type":"connection_established","payload":{}}')
    socket.on('message', (data: Buffer) => {
      const envelope = JSON.parse(data.toString()) as Envelope
      if (envelope.type === 'subscribe') {
        this.#subscribe(socket, envelope.payload.channel)
        socket.send('{"type":"subscribed","payload":{"offset":40}}')
        return
      }
      if (envelope.metadata === undefined) return
      const { channel, message_id } = envelope.metadata
      const at = publishOf(envelope.payload)
      const offset = this.#publish(channel, envelope, at)
      const ack = {
        type: 'ack',
        payload: { channel, offset, duplicate: false },
        metadata: { correlation_id: message_id },
      }
      this.#acknowledge(socket, JSON.stringify(ack), at)
    })
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk as string
    const { channels, ...envelope } = JSON.parse(text) as Envelope & { channels?: string[] }
    const at = publishOf(envelope.payload)
    const one = /^\/v1\/channels\/([^/]+)\//.exec(request.url ?? '')?.[1]
    const receipts = (channels ?? [one ?? '']).map((channel) => ({
      offset: this.#publish(channel, envelope, at),
      duplicate: false,
    }))
    const receipt = JSON.stringify(channels === undefined ? receipts[0] : { results: receipts })
    const respond = this.#faults.respond ?? ((body: string) => ({ status: 201, body }))
    const { status, body } = respond(receipt, at)
    response.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body)
  }

  #publish(channel: string, envelope: Envelope, at: Publish): number {
    const offset = (this.#offsets.get(channel) ?? 40) + 1
    this.#offsets.set(channel, offset)
    const metadata = { ...envelope.metadata, channel, offset }
    this.#deliver(channel, JSON.stringify({ ...envelope, metadata }), at)
    return offset
  }

  #subscribe(socket: WebSocket, channel: string): void {
    if (!this.#connections.includes(socket)) this.#connections.push(socket)
    const subscribers = this.subscribers.get(channel) ?? []
    this.subscribers.set(channel, [...subscribers, this.#connections.indexOf(socket)])
  }

  #deliver(channel: string, message: string, at: Publish): void {
    const deliver = this.#faults.deliver ?? (() => [message])
    for (const subscriber of this.subscribers.get(channel) ?? []) {
      const socket = this.#connections[subscriber]
      if (socket === undefined) continue
      for (const text of deliver(message, { ...at, subscriber, socket })) socket.send(text)
    }
  }

  #acknowledge(socket: WebSocket, ack: string, at: Publish): void {
    const acknowledge = this.#faults.acknowledge ?? (() => [ack])
    for (const text of acknowledge(ack, at)) socket.send(text)
  }
}

interface Payload {
  content: string
  channel: string
}
interface PlainMessage {
  subscribe?: string
  channel?: string
  id?: string
  payload: Payload
}
interface Envelope {
  type: string
  payload: Payload
  metadata?: { message_id: string; channel: string }
}

function publishOf({ content }: Payload): Publish {
  return {
    publisher: Number(content.slice(0, 3)),
    channel: Number(content.slice(3, 7)),
    sequence: Number(content.slice(7, 16)),
  }
}
