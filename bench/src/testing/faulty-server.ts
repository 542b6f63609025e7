import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import { type WebSocket, WebSocketServer } from 'ws'

/**
 * What subscriber number `subscriber` is sent for one publication, in place of `message`. `socket` is
 * there for what is not a message.
 */
export type Deliver = (
  message: string,
  at: { subscriber: number; sequence: number; socket: WebSocket },
) => string[]

export interface Faults {
  deliver?: Deliver
  /** What the publisher is told; Tidewire's protocol only. */
  acknowledge?: (ack: string, sequence: number) => string[]
}

/** Speaks as much of the `ws` and the `tidewire` protocol as the generator does, with faults. */
export class FaultyServer implements AsyncDisposable {
  readonly port: number
  readonly #server: WebSocketServer
  readonly #faults: Faults
  readonly #subscribers: WebSocket[] = []

  private constructor(server: WebSocketServer, faults: Faults) {
    this.#server = server
    this.#faults = faults
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (socket, request) => {
      if (request.url === '/v1/ws') this.#tidewire(socket)
      else this.#plain(socket, request.url === '/subscribe')
    })
  }

  static async start(faults: Faults): Promise<FaultyServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
    await once(server, 'listening')
    return new FaultyServer(server, faults)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #plain(socket: WebSocket, subscribe: boolean): void {
    if (subscribe) this.#subscribers.push(socket)
    let sequence = 0
    socket.on('message', (data: Buffer) => this.#publish(data.toString(), ++sequence))
  }

  #tidewire(socket: WebSocket): void {
    let offset = 0
    socket.send('{"type":"connection_established","payload":{}}')
    socket.on('message', (data: Buffer) => {
      const envelope = JSON.parse(data.toString()) as Envelope
      if (envelope.type === 'subscribe') {
        this.#subscribers.push(socket)
        socket.send('{"type":"subscribed","payload":{"channel":"live:bench","offset":40}}')
        return
      }
      offset++
      const metadata = { ...envelope.metadata, offset: 40 + offset }
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

  #publish(message: string, sequence: number): void {
    const deliver = this.#faults.deliver ?? (() => [message])
    for (const [subscriber, socket] of this.#subscribers.entries()) {
      for (const text of deliver(message, { subscriber, sequence, socket })) socket.send(text)
    }
  }
}

interface Envelope {
  type: string
  metadata: { message_id: string }
}
