import {
  decodeCursor,
  type Down,
  encodeCursor,
  type Envelope,
  type ErrorPayload,
  type Position,
  ProtocolError,
  type Publication,
} from '@tidewire/protocol'
import { WebSocket } from 'ws'
import { EventStream, type StreamEvent } from './event-stream.ts'
import type { Subscribe, SubscribeOptions, Subscriber } from './transport.contract.ts'

interface Reset {
  channel: string
  reason: string
}

export const subscribeByWebSocket: Subscribe = (options) =>
  new Promise((resolve, reject) => {
    const client = new WebSocketSubscriber(options, resolve, reject)
    client.open()
  })

class WebSocketSubscriber implements Subscriber {
  readonly publications: Publication[] = []
  readonly resets: Reset[] = []
  ended = false
  readonly #positions: Map<string, Position>
  readonly #options: SubscribeOptions
  readonly #resolve: (subscriber: Subscriber) => void
  readonly #reject: (error: Error) => void
  readonly #unanswered: Set<string>
  readonly #socket: WebSocket

  constructor(
    options: SubscribeOptions,
    resolve: (subscriber: Subscriber) => void,
    reject: (error: Error) => void,
  ) {
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
    this.#unanswered = new Set(options.channels)
    const { cursor, url, token, ca } = options
    this.#positions = cursor === undefined ? new Map() : decodeCursor(cursor)
    this.#socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`, {
      headers: { authorization: `Bearer ${token}` },
      ca,
    })
  }

  open(): void {
    const { channels, last } = this.#options
    this.#socket.on('message', (data: Buffer) => this.#receive(JSON.parse(data.toString())))
    this.#socket.on('error', this.#reject)
    this.#socket.on('unexpected-response', (_, response) => {
      response.setEncoding('utf8').once('data', (text: string) => this.#reject(errorIn(text)))
    })
    this.#socket.on('close', () => (this.ended = true))
    this.#socket.on('open', () => {
      for (const channel of channels) {
        const since = this.#positions.get(channel)
        const payload = since === undefined ? { channel, last } : { channel, since }
        this.#socket.send(JSON.stringify({ type: 'subscribe', payload }))
      }
    })
  }

  get cursor(): string {
    return encodeCursor(this.#positions)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(): void {
    this.#socket.terminate()
  }

  #receive(envelope: Envelope): void {
    const { channel, offset } = envelope.metadata
    if (envelope.type === 'error') {
      this.close()
      this.#reject(errorOf(envelope.payload as unknown as ErrorPayload))
    } else if (envelope.type === 'subscribed' || envelope.type === 'reset') {
      this.#marked(envelope.payload as Down['subscribed'])
    } else if (channel !== undefined) {
      const position = this.#positions.get(channel)
      if (position !== undefined && offset !== undefined) {
        this.#positions.set(channel, { ...position, offset })
      }
      this.publications.push(envelope as Publication)
    }
  }

  #marked({ channel, epoch, offset, reason }: Down['subscribed']): void {
    if (epoch !== undefined) this.#positions.set(channel, { epoch, offset })
    if (reason !== undefined) this.resets.push({ channel, reason })
    this.#unanswered.delete(channel)
    if (this.#unanswered.size === 0) this.#resolve(this)
  }
}

export const subscribeBySse: Subscribe = async (options) => {
  const { cursor, token, ca } = options
  const headers = {
    authorization: `Bearer ${token}`,
    ...(cursor === undefined ? {} : { 'last-event-id': cursor }),
  }
  const stream = await EventStream.open(address('sse', options), headers, ca)
  return new SseSubscriber(stream, cursor)
}

class SseSubscriber implements Subscriber {
  readonly publications: Publication[] = []
  readonly resets: Reset[] = []
  cursor: string
  readonly #stream: EventStream

  constructor(stream: EventStream, cursor: string | undefined) {
    this.#stream = stream
    this.cursor = cursor ?? ''
    for (const event of stream.events) this.#take(event)
    stream.onEvent = (event) => this.#take(event)
  }

  get ended(): boolean {
    return this.#stream.ended
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  close(): void {
    this.#stream.close()
  }

  #take({ type, id, data }: StreamEvent): void {
    if (id !== undefined) this.cursor = id
    const envelope = JSON.parse(data) as Envelope
    if (type === 'message') this.publications.push(envelope as Publication)
    if (type !== 'reset') return
    const { channel, reason } = envelope.payload as Down['reset']
    this.resets.push({ channel, reason })
  }
}

export const subscribeByPoll: Subscribe = async (options) => {
  const subscriber = new PollSubscriber(options)
  await subscriber.begin()
  return subscriber
}

class PollSubscriber implements Subscriber {
  readonly publications: Publication[] = []
  readonly resets: Reset[] = []
  ended = false
  cursor: string
  readonly #options: SubscribeOptions
  readonly #abort = new AbortController()

  constructor(options: SubscribeOptions) {
    this.#options = options
    this.cursor = options.cursor ?? ''
  }

  /** One short poll, which finds out whether it may read at all, and long ones from then on. */
  async begin(): Promise<void> {
    await this.#poll(0)
    void this.#run()
  }

  pause(): void {
    throw new Error('A poll takes its answer when it asks for it.')
  }

  resume(): void {}

  close(): void {
    this.#abort.abort()
  }

  async #run(): Promise<void> {
    try {
      while (!this.#abort.signal.aborted) await this.#poll(25_000)
    } catch {
      this.ended = true
    }
  }

  async #poll(wait: number): Promise<void> {
    const { token } = this.#options
    const url = `${address('poll', this.#options)}&wait=${wait}`
    const cursor = this.cursor === '' ? '' : `&cursor=${encodeURIComponent(this.cursor)}`
    const response = await fetch(url + cursor, {
      headers: { authorization: `Bearer ${token}` },
      signal: this.#abort.signal,
    })
    const text = await response.text()
    if (response.status === 204) {
      this.cursor = response.headers.get('tidewire-cursor')!
      return
    }
    if (response.status !== 200) throw errorIn(text)
    // Taken all at once or not at all: that is what the cursor is about.
    const answer = JSON.parse(text) as {
      cursor: string
      publications: Publication[]
      resets: Reset[]
    }
    this.cursor = answer.cursor
    this.publications.push(...answer.publications)
    for (const { channel, reason } of answer.resets) this.resets.push({ channel, reason })
  }
}

function address(path: string, { url, channels, last }: SubscribeOptions): string {
  const query = channels.map((channel) => `channel=${encodeURIComponent(channel)}`)
  if (last !== undefined) query.push(`last=${last}`)
  return `${url}/v1/${path}?${query.join('&')}`
}

function errorIn(text: string): Error {
  return errorOf(JSON.parse(text) as ErrorPayload)
}

function errorOf({ reason, message }: ErrorPayload): Error {
  return new ProtocolError(reason, message)
}
