import { EventEmitter, once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { type WebSocket, WebSocketServer } from 'ws'

/** Where the log stood before its first publication. */
export const OFFSET_OF_ZERO = 40

export interface LogFaults {
  /** What client number `client` is sent for the publication at `offset`, in place of `message`. */
  deliver?: (message: string, at: { client: number; offset: number; socket: WebSocket }) => string[]
  /** What follows `subscribed` when somebody comes back, in place of what was missed. */
  recover?: (missed: string[]) => string[]
  /** Changes the answer to who comes back. */
  subscribed?: (answer: { offset: number; recovered: boolean }) => object
  /** Whether the handshake number `attempt` is refused. */
  refuse?: (attempt: number) => boolean
}

interface Channel {
  messages: string[]
  subscribers: Map<WebSocket, number>
}

/** As much of Tidewire as a fleet needs: channels with a log, and faults. */
export class FaultyLog implements AsyncDisposable {
  readonly #http: HttpServer
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  readonly #faults: LogFaults
  readonly #channels = new Map<string, Channel>()
  readonly #pongs = new EventEmitter()
  #ponged = 0
  #attempts = 0
  #clients = 0

  private constructor(faults: LogFaults) {
    this.#faults = faults
    this.#http = createServer()
    this.#http.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      if (this.#faults.refuse?.(this.#attempts++) === true) {
        socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n')
        return
      }
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#greet(ws))
    })
  }

  static async start(faults: LogFaults): Promise<FaultyLog> {
    const server = new FaultyLog(faults)
    server.#http.listen(0, '127.0.0.1')
    await once(server.#http, 'listening')
    return server
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port
  }

  /** One heartbeat to everybody. */
  ping(): void {
    for (const socket of this.#sockets.clients) socket.ping()
  }

  /** Resolves when so many heartbeats have been answered. */
  async ponged(count: number): Promise<void> {
    while (this.#ponged < count) await once(this.#pongs, 'pong')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate()
    this.#http.closeAllConnections()
    this.#http.close()
    await once(this.#http, 'close')
  }

  #greet(socket: WebSocket): void {
    socket.on('error', () => socket.terminate())
    socket.on('pong', () => {
      this.#ponged++
      this.#pongs.emit('pong')
    })
    socket.on('message', (data: Buffer) => {
      const envelope = JSON.parse(data.toString()) as Envelope
      if (envelope.type === 'subscribe') this.#subscribe(socket, envelope.payload)
      else this.#publish(socket, envelope)
    })
    socket.send('{"type":"connection_established","payload":{}}')
  }

  #subscribe(socket: WebSocket, { channel: name = '', since }: Envelope['payload']): void {
    const channel = this.#channelOf(name)
    channel.subscribers.set(socket, this.#clients++)
    socket.on('close', () => channel.subscribers.delete(socket))
    const offset = since?.offset ?? OFFSET_OF_ZERO + channel.messages.length
    const answer = { offset, recovered: since !== undefined }
    const { subscribed = (same) => same, recover = (same) => same } = this.#faults
    const payload = { channel: name, epoch: 'e', ...(since ? subscribed(answer) : answer) }
    socket.send(JSON.stringify({ type: 'subscribed', payload }))
    if (since === undefined) return
    const missed = channel.messages.slice(since.offset - OFFSET_OF_ZERO)
    for (const message of recover(missed)) socket.send(message)
  }

  #publish(socket: WebSocket, envelope: Envelope): void {
    const channel = this.#channelOf(envelope.metadata.channel)
    const offset = OFFSET_OF_ZERO + channel.messages.length + 1
    const message = JSON.stringify({ ...envelope, metadata: { ...envelope.metadata, offset } })
    channel.messages.push(message)
    socket.send('{"type":"ack","payload":{}}')
    const { deliver = (same) => [same] } = this.#faults
    for (const [subscriber, client] of channel.subscribers) {
      for (const text of deliver(message, { client, offset, socket: subscriber })) {
        subscriber.send(text)
      }
    }
  }

  #channelOf(name: string): Channel {
    const known = this.#channels.get(name)
    if (known !== undefined) return known
    const channel: Channel = { messages: [], subscribers: new Map() }
    this.#channels.set(name, channel)
    return channel
  }
}

interface Envelope {
  type: string
  payload: { channel?: string; since?: { offset: number } }
  metadata: { channel: string }
}
