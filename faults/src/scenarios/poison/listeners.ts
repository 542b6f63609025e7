import { Tidewire, type TransportName } from '@tidewire/client'
import {
  decodeCursor,
  encodeCursor,
  type Envelope,
  type Position,
  type Publication,
} from '@tidewire/protocol'
import { eventsOf } from '../../rig/readers/event-stream.ts'
import type { Way } from './poisons.ts'
import { CODECS, envelopeOf, openSocket } from './send.ts'

export interface ListenerOptions {
  url: string
  token: string
  channel: string
  /** Default: now. */
  since?: Position
}

/** A publication as a listener got it. */
export interface Heard {
  type: string
  messageId: string
  /** The payload as JSON text, which says all of a JSON value. */
  json: string
}

/** One subscriber, which keeps everything it gets as it got it. */
export abstract class Listener {
  readonly name: string
  readonly heard = new Map<number, Heard>()
  /** What no subscriber may meet: errors, resets, ends, repetitions. */
  readonly problems: string[] = []
  protected readonly options: ListenerOptions
  protected readonly stopping = new AbortController()

  constructor(name: string, options: ListenerOptions) {
    this.name = name
    this.options = options
  }

  /** Resolves when it is subscribed. */
  abstract start(): Promise<void>

  stop(): void {
    this.stopping.abort()
  }

  protected hear({ type, payload, metadata }: Publication | Envelope): void {
    const { offset = -1, message_id: messageId = '' } = metadata
    if (this.heard.has(offset)) this.problem(`got ${offset} twice`)
    this.heard.set(offset, { type, messageId, json: JSON.stringify(payload) })
  }

  protected problem(why: unknown): void {
    if (!this.stopping.signal.aborted) this.problems.push(`${this.name}: ${String(why)}`)
  }
}

/** One of every kind: each codec and transport on the wire itself, and the client package over each transport. */
export function makeListeners(options: ListenerOptions): Listener[] {
  return [
    new SocketListener('json', options),
    new SocketListener('msgpack', options),
    new SocketListener('protobuf', options),
    new SseListener('sse', options),
    new PollListener('poll', options),
    new ClientListener('websocket', options),
    new ClientListener('sse', options),
    new ClientListener('poll', options),
  ]
}

class SocketListener extends Listener {
  readonly #codec: Exclude<Way, 'http'>

  constructor(codec: Exclude<Way, 'http'>, options: ListenerOptions) {
    super(`websocket-${codec}`, options)
    this.#codec = codec
  }

  start(): Promise<void> {
    const { url, token } = this.options
    const socket = openSocket(url, token, this.#codec)
    this.stopping.signal.addEventListener('abort', () => socket.terminate())
    return new Promise((resolve, reject) => {
      socket.on('error', reject)
      socket.on('close', (code) => this.problem(`closed with ${code}`))
      socket.on('open', () => this.#subscribe(socket))
      socket.on('message', (data: Buffer) => this.#message(data, resolve))
    })
  }

  #subscribe(socket: ReturnType<typeof openSocket>): void {
    const { channel, since } = this.options
    const payload = since === undefined ? { channel } : { channel, since: { ...since } }
    const frame = CODECS[this.#codec].encode({ type: 'subscribe', payload, metadata: {} })
    socket.send(frame)
  }

  #message(data: Buffer, subscribed: () => void): void {
    try {
      const envelope = envelopeOf(this.#codec, data)
      if (envelope.metadata.channel !== undefined) this.hear(envelope)
      else if (envelope.type === 'subscribed') subscribed()
      else if (envelope.type === 'error' || envelope.type === 'reset') {
        this.problem(JSON.stringify(envelope))
      }
    } catch (error) {
      this.problem(`cannot read a frame: ${String(error)}`)
    }
  }
}

class SseListener extends Listener {
  async start(): Promise<void> {
    const { url, token } = this.options
    const response = await fetch(`${url}/v1/sse?${queryOf(this.options)}`, {
      signal: this.stopping.signal,
      headers: { authorization: `Bearer ${token}` },
    })
    return new Promise((resolve, reject) => {
      this.#read(response, resolve).then(
        () => this.problem('ended'),
        (error: unknown) => {
          this.problem(error)
          reject(error)
        },
      )
    })
  }

  async #read({ body }: Response, subscribed: () => void): Promise<void> {
    for await (const { type, data } of eventsOf(body!)) {
      // A line end for every parser of event streams but this one.
      if (data.includes('\r')) this.problem(`an event with a carriage return: ${type}`)
      const envelope = JSON.parse(data) as Envelope
      if (envelope.metadata.channel !== undefined) {
        if (envelope.type !== type) this.problem(`an event ${type} that holds ${envelope.type}`)
        this.hear(envelope)
      } else if (type === 'subscribed') subscribed()
      else if (type === 'error' || type === 'reset') this.problem(data)
    }
  }
}

class PollListener extends Listener {
  async start(): Promise<void> {
    const first = await this.#poll(queryOf(this.options))
    this.#read(first).catch((error: unknown) => this.problem(error))
  }

  async #read(first: string): Promise<void> {
    for (let cursor = first; !this.stopping.signal.aborted;) {
      const query = new URLSearchParams({ channel: this.options.channel, cursor, wait: '5000' })
      cursor = await this.#poll(query)
    }
  }

  async #poll(query: URLSearchParams): Promise<string> {
    const { url, token } = this.options
    const response = await fetch(`${url}/v1/poll?${query}`, {
      signal: this.stopping.signal,
      headers: { authorization: `Bearer ${token}` },
    })
    if (response.status === 204) return response.headers.get('tidewire-cursor')!
    const body = await response.text()
    if (!response.ok) throw new Error(body)
    const { cursor, publications, resets } = JSON.parse(body) as {
      cursor: string
      publications: Publication[]
      resets: object[]
    }
    if (resets.length > 0) this.problem(JSON.stringify(resets))
    decodeCursor(cursor)
    for (const publication of publications) this.hear(publication)
    return cursor
  }
}

class ClientListener extends Listener {
  readonly #transport: TransportName

  constructor(transport: TransportName, options: ListenerOptions) {
    super(`client-${transport}`, options)
    this.#transport = transport
  }

  async start(): Promise<void> {
    const { url, token, channel: name, since } = this.options
    const client = new Tidewire({ url, token, transports: [this.#transport] })
    this.stopping.signal.addEventListener('abort', () => void client.close())
    client.on('error', (error) => this.problem(error))
    const channel = client.channel(name)
    channel.onReset((reset) => this.problem(JSON.stringify(reset)))
    channel.on('*', (publication) => this.hear(publication))
    await channel.subscribe(since === undefined ? {} : { since })
  }
}

function queryOf({ channel, since }: ListenerOptions): URLSearchParams {
  const query = new URLSearchParams({ channel })
  if (since !== undefined) query.set('cursor', encodeCursor([[channel, since]]))
  return query
}
