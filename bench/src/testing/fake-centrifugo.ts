import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'

import { type WebSocket, WebSocketServer } from 'ws'

import type { Deliver } from './faulty-server.ts'

export interface CentrifugoFaults {
  deliver?: Deliver
  /** What the publisher is told. */
  acknowledge?: (reply: string, sequence: number) => string[]
  /** Milliseconds between pings; none when not given. */
  pingEvery?: number
}

/** As much of the configuration of v6 as is looked at. */
export interface CentrifugoConfig {
  http_server: { port: number }
  client: { allow_anonymous_connect_without_token?: boolean }
  channel: { without_namespace: ChannelOptions }
}

interface ChannelOptions {
  history_size?: number
  history_ttl?: string
  allow_subscribe_for_client?: boolean
  allow_subscribe_for_anonymous?: boolean
  allow_publish_for_client?: boolean
  allow_publish_for_anonymous?: boolean
}

interface Command {
  id?: number
  connect?: object
  subscribe?: { channel: string }
  publish?: { channel: string; data: unknown }
}

/** The stream did not begin with the bench. */
const OFFSET_OF_ZERO = 40
const CODES = { 103: 'permission denied', 3003: 'bad request', 3500: 'invalid token' } as const

/**
 * As much of Centrifugo v6 as the generator speaks, over its JSON protocol: commands with ids and replies,
 * several to a frame, pushes, and pings that are an empty object. It is as strict as the server is.
 */
export class FakeCentrifugo implements AsyncDisposable {
  readonly port: number
  /** Pings that were answered. */
  pongs = 0
  readonly #http: Server
  readonly #server: WebSocketServer
  readonly #config: CentrifugoConfig
  readonly #faults: CentrifugoFaults
  readonly #subscribers: Client[] = []
  #published = 0

  private constructor(http: Server, config: CentrifugoConfig, faults: CentrifugoFaults) {
    this.#http = http
    this.#config = config
    this.#faults = faults
    this.port = (http.address() as AddressInfo).port
    this.#server = new WebSocketServer({
      server: http,
      path: '/connection/websocket',
      perMessageDeflate: false,
    })
    this.#server.on('connection', (socket) => this.#accept(socket))
  }

  /** On the port of the configuration; 0: on any. */
  static async start(config: CentrifugoConfig, faults: CentrifugoFaults): Promise<FakeCentrifugo> {
    const http = createServer((_request, response) => response.writeHead(404).end())
    http.listen(config.http_server.port, '127.0.0.1')
    await once(http, 'listening')
    return new FakeCentrifugo(http, config, faults)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate()
    this.#server.close()
    this.#http.close()
    this.#http.closeAllConnections()
    await once(this.#http, 'close')
  }

  #accept(socket: WebSocket): void {
    const client = new Client(socket)
    socket.on('error', () => socket.terminate())
    socket.on('message', (data: Buffer) => {
      const lines = data.toString().split('\n')
      if (lines.at(-1) === '') lines.pop() // one line feed may end a frame
      for (const line of lines) this.#handle(client, JSON.parse(line) as Command)
    })
    const { pingEvery } = this.#faults
    if (pingEvery === undefined) return
    const timer = setInterval(() => client.connected && client.ping(), pingEvery)
    socket.on('close', () => clearInterval(timer))
  }

  #handle(client: Client, { id = 0, connect, subscribe, publish }: Command): void {
    if (id === 0) {
      if (client.pong()) this.pongs++
      else client.disconnect(3003)
    } else if (connect !== undefined) this.#connect(client, id)
    else if (!client.connected) client.disconnect(3003)
    else if (subscribe !== undefined) this.#subscribe(client, id, subscribe.channel)
    else if (publish !== undefined) this.#publish(client, id, publish)
    else client.disconnect(3003)
  }

  #connect(client: Client, id: number): void {
    if (this.#config.client.allow_anonymous_connect_without_token !== true) {
      client.disconnect(3500)
      return
    }
    client.connected = true
    client.send({ id, connect: { client: 'c', version: '6.0.0', ping: 25, pong: true } })
  }

  #subscribe(client: Client, id: number, channel: string): void {
    const options = this.#config.channel.without_namespace
    if (!options.allow_subscribe_for_client || !options.allow_subscribe_for_anonymous) {
      client.refuse(id, 103)
      return
    }
    this.#subscribers.push(client)
    const offset = OFFSET_OF_ZERO + this.#published
    const position = this.#keepsHistory()
      ? { recoverable: true, epoch: 'e', offset, positioned: true }
      : {}
    client.send({ id, subscribe: { ...position, channel } })
  }

  #publish(client: Client, id: number, publish: { channel: string; data: unknown }): void {
    const options = this.#config.channel.without_namespace
    if (!options.allow_publish_for_client || !options.allow_publish_for_anonymous) {
      client.refuse(id, 103)
      return
    }
    const sequence = ++this.#published
    const offset = this.#keepsHistory() ? { offset: OFFSET_OF_ZERO + sequence } : {}
    const pub = { data: publish.data, info: { client: 'p' }, ...offset }
    const message = JSON.stringify({ push: { channel: publish.channel, pub } })
    const { deliver = () => [message], acknowledge = (reply: string) => [reply] } = this.#faults
    for (const [subscriber, each] of this.#subscribers.entries()) {
      for (const text of deliver(message, { subscriber, sequence, socket: each.socket })) {
        each.queue(text)
      }
    }
    for (const text of acknowledge(JSON.stringify({ id, publish: {} }), sequence))
      client.queue(text)
  }

  #keepsHistory(): boolean {
    const { history_size = 0, history_ttl } = this.#config.channel.without_namespace
    return history_size > 0 && history_ttl !== undefined
  }
}

/** Messages that are queued leave together, in frames of up to 16. */
class Client {
  connected = false
  readonly socket: WebSocket
  #waiting: string[] = []
  #pinged = false

  constructor(socket: WebSocket) {
    this.socket = socket
  }

  send(reply: object): void {
    this.socket.send(JSON.stringify(reply))
  }

  refuse(id: number, code: keyof typeof CODES): void {
    this.send({ id, error: { code, message: CODES[code] } })
  }

  disconnect(code: keyof typeof CODES): void {
    this.socket.close(code, CODES[code])
  }

  queue(text: string): void {
    if (this.#waiting.push(text) === 1) setImmediate(() => this.#flush())
  }

  ping(): void {
    this.#pinged = true
    this.queue('{}')
  }

  /** Whether there was a ping to answer. */
  pong(): boolean {
    const expected = this.#pinged
    this.#pinged = false
    return expected
  }

  #flush(): void {
    while (this.#waiting.length > 0) this.socket.send(this.#waiting.splice(0, 16).join('\n'))
  }
}

if (import.meta.main) {
  const options = { config: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  if (positionals[0] === 'version') process.stdout.write('Centrifugo v6.0.0 (a fake)\n')
  else {
    const config = readFileSync(values.config ?? 'config.json', 'utf8')
    await FakeCentrifugo.start(JSON.parse(config) as CentrifugoConfig, {})
  }
}
