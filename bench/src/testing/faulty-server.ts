import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { type WebSocket, WebSocketServer } from 'ws'

/**
 * What subscriber number `subscriber` is sent for one publication, in place of `message`. `socket` is
 * there for what is not a message; event streams have none.
 */
export type Deliver = (
  message: string,
  at: { subscriber: number; sequence: number; socket: WebSocket | undefined },
) => string[]

export interface Faults {
  deliver?: Deliver
  /** What the publisher is told; Tidewire's protocol only. */
  acknowledge?: (ack: string, sequence: number) => string[]
  /** What a subscriber that comes back is sent of what it missed; undefined: it cannot be recovered. */
  resume?: (missed: string[]) => string[] | undefined
  /** Agrees to permessage-deflate: every message for itself, or with a window for each connection. */
  deflate?: 'alone' | 'window'
}

interface Subscriber {
  socket: WebSocket | undefined
  send: (message: string) => void
}

const EPOCH = 'e1'

/** NATS and HTTP cut their streams anywhere; this is shorter than any message. */
const PIECE_BYTES = 40

/** Speaks as much of each protocol as the generator does, with faults. */
export class FaultyServer implements AsyncDisposable {
  readonly port: number
  readonly #http: Server
  readonly #server: WebSocketServer
  readonly #faults: Faults
  readonly #subscribers: Subscriber[] = []
  readonly #pollers = new Map<object, Poller>()
  readonly #log: string[] = []

  private constructor(http: Server, faults: Faults) {
    this.#http = http
    this.#faults = faults
    this.port = (http.address() as AddressInfo).port
    http.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.url === '/v1/sse') this.#events(response)
      else this.#poll(request, response)
    })
    const { deflate } = faults
    const perMessageDeflate = deflate !== undefined && {
      threshold: 0,
      serverNoContextTakeover: deflate === 'alone',
    }
    this.#server = new WebSocketServer({ server: http, perMessageDeflate })
    this.#server.on('connection', (socket, request) => {
      if (request.url === '/v1/ws') this.#tidewire(socket)
      else if (request.url === '/') this.#nats(socket)
      else this.#plain(socket, request.url === '/subscribe')
    })
  }

  static async start(faults: Faults): Promise<FaultyServer> {
    const http = createServer().listen(0, '127.0.0.1')
    await once(http, 'listening')
    return new FaultyServer(http, faults)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate()
    this.#server.close()
    this.#http.close()
    this.#http.closeAllConnections()
    await once(this.#http, 'close')
  }

  #plain(socket: WebSocket, subscribe: boolean): void {
    if (subscribe) this.#subscribe(socket)
    let sequence = 0
    socket.on('message', (data: Buffer) => this.#publish(data.toString(), ++sequence))
  }

  #tidewire(socket: WebSocket): void {
    let offset = 0
    socket.send('{"type":"connection_established","payload":{}}')
    socket.on('message', (data: Buffer) => {
      const envelope = JSON.parse(data.toString()) as Envelope
      if (envelope.type === 'subscribe') {
        this.#subscribed(socket, envelope.payload.since)
        return
      }
      offset++
      const metadata = { ...envelope.metadata, offset: 40 + offset }
      this.#log.push(JSON.stringify({ ...envelope, metadata }))
      this.#publish(JSON.stringify({ ...envelope, metadata }), offset)
      const ack = {
        type: 'ack',
        payload: { channel: 'live:bench', duplicate: false },
        metadata: { correlation_id: envelope.metadata.message_id },
      }
      const acks = this.#faults.acknowledge ?? ((text: string) => [text])
      for (const text of acks(JSON.stringify(ack), offset)) socket.send(text)
    })
  }

  #subscribed(socket: WebSocket, since: { epoch: string; offset: number } | undefined): void {
    const missed = since?.epoch === EPOCH ? this.#log.slice(since.offset - 40) : undefined
    const resume = this.#faults.resume ?? ((messages: string[]) => messages)
    const sent = missed && resume(missed)
    const payload = {
      channel: 'live:bench',
      epoch: EPOCH,
      offset: 40,
      recovered: sent !== undefined,
    }
    socket.send(JSON.stringify({ type: 'subscribed', payload }))
    for (const message of sent ?? []) socket.send(message)
    this.#subscribe(socket)
  }

  #nats(socket: WebSocket): void {
    let sequence = 0
    socket.send('INFO {"server_name":"faulty"}\r\n')
    socket.on('message', (data: Buffer) => {
      const [line = '', payload = ''] = data.toString().split('\r\n')
      if (line.startsWith('PUB ')) this.#publish(payload, ++sequence)
      if (line.startsWith('SUB ')) {
        const send = (message: string) => {
          const bytes = `MSG live:bench 1 ${message.length}\r\n${message}\r\n`
          for (const piece of pieces(bytes)) socket.send(Buffer.from(piece))
        }
        this.#subscribers.push({ socket, send })
      }
      if (data.includes('PING\r\n')) socket.send('PONG\r\n')
    })
  }

  /** Tidewire's event stream. */
  #events(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('retry: 1000\n\nevent: subscribed\ndata: {}\n\n')
    const send = (message: string) => {
      const event = `event: message\nid: 7\ndata: ${message}\n\n`
      for (const piece of pieces(event)) response.write(piece)
    }
    this.#subscribers.push({ socket: undefined, send })
  }

  /** Tidewire's long polling, and nchan's: one connection is one subscriber. */
  #poll(request: IncomingMessage, response: ServerResponse): void {
    let poller = this.#pollers.get(request.socket)
    const list = request.url?.startsWith('/v1/poll') === true
    if (poller === undefined) {
      const opened = new Poller(list)
      this.#pollers.set(request.socket, opened)
      this.#subscribers.push({ socket: undefined, send: (message) => opened.push(message) })
      poller = opened
    }
    poller.asked(response, list && request.url?.includes('cursor') !== true)
  }

  #subscribe(socket: WebSocket): void {
    this.#subscribers.push({ socket, send: (message) => socket.send(message) })
  }

  #publish(message: string, sequence: number): void {
    const deliver = this.#faults.deliver ?? (() => [message])
    for (const [number, { socket, send }] of this.#subscribers.entries()) {
      for (const text of deliver(message, { subscriber: number, sequence, socket })) send(text)
    }
  }
}

/** Answers as soon as there is something, with all of it or with one at a time. */
class Poller {
  readonly #list: boolean
  readonly #waiting: string[] = []
  #response: ServerResponse | undefined

  constructor(list: boolean) {
    this.#list = list
  }

  push(message: string): void {
    this.#waiting.push(message)
    setImmediate(() => this.#answer(false))
  }

  asked(response: ServerResponse, atOnce: boolean): void {
    this.#response = response
    this.#answer(atOnce)
  }

  #answer(empty: boolean): void {
    const response = this.#response
    if (response === undefined || (this.#waiting.length === 0 && !empty)) return
    this.#response = undefined
    const taken = this.#waiting.splice(0, this.#list ? Infinity : 1)
    const list = `{"cursor":"c","publications":[${taken.join(',')}],"resets":[]}`
    const body = this.#list ? list : taken.join('')
    response.writeHead(200, {
      'tidewire-cursor': 'c',
      'last-modified': 'Fri, 20 Nov 2026 12:00:00 GMT',
      etag: '0',
      'content-length': body.length,
    })
    response.end(body)
  }
}

function pieces(text: string): string[] {
  const count = Math.ceil(text.length / PIECE_BYTES)
  return Array.from({ length: count }, (_, at) =>
    text.slice(at * PIECE_BYTES, (at + 1) * PIECE_BYTES),
  )
}

interface Envelope {
  type: string
  payload: { since?: { epoch: string; offset: number } }
  metadata: { message_id: string }
}
