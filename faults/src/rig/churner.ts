import { type Down, type Envelope, JSON_SUBPROTOCOL, type Publication } from '@tidewire/protocol'
import { WebSocket } from 'ws'
import type { ReaderOptions } from './readers/reader.ts'
import { Tape } from './tape.ts'
import { pause } from './until.ts'

/** Milliseconds that a stream is read before something else is done. */
const READS = { min: 0, max: 300 }

/** Opens, leaves, renews and cuts off streams in random order, without ever waiting for quiet. */
export class Churner {
  readonly #options: ReaderOptions
  readonly #stopping = new AbortController()
  #living: Promise<void> | undefined
  /** Streams opened so far. */
  opened = 0

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  start(): void {
    this.#living ??= this.#live()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#living
  }

  async #live(): Promise<void> {
    const { recorder, name, channels, chance } = this.#options
    const tape = new Tape(recorder, name, channels[0]!)
    while (!this.#stopping.signal.aborted) {
      const socket = await ChurnedSocket.open(this.#options, tape)
      for (let left = chance.between(1, 4); left > 0 && socket.alive; left--) {
        await this.#stream(socket, tape)
      }
      socket.terminate()
      // Some come back to where they were, some begin anew.
      if (chance.happens(0.5)) tape.left()
    }
    tape.left()
  }

  async #stream(socket: ChurnedSocket, tape: Tape): Promise<void> {
    const { chance } = this.#options
    const again = tape.live && chance.happens(0.5)
    tape.asks(again ? undefined : tape.position)
    this.opened += 1
    const subscribed = socket.subscribe(again ? undefined : tape.position)
    // Cut off before the answer, during it, or long after.
    if (chance.happens(0.2)) return socket.terminate()
    await subscribed
    await pause(chance.between(READS.min, READS.max))
    if (chance.happens(0.4)) await socket.unsubscribe()
  }
}

class ChurnedSocket {
  readonly #socket: WebSocket
  readonly #tape: Tape
  readonly #answers: ReaderOptions['answers']
  #onAnswer: () => void = () => undefined

  static async open({ url, token, answers }: ReaderOptions, tape: Tape): Promise<ChurnedSocket> {
    const address = `${url.replace(/^http/, 'ws')}/v1/ws`
    const socket = new WebSocket(address, [JSON_SUBPROTOCOL, `bearer.${token}`])
    const churned = new ChurnedSocket(socket, tape, answers)
    await new Promise<void>((resolve) => {
      socket.once('open', resolve)
      socket.once('close', () => resolve())
    })
    return churned
  }

  private constructor(socket: WebSocket, tape: Tape, answers: ReaderOptions['answers']) {
    this.#socket = socket
    this.#tape = tape
    this.#answers = answers
    // `close` follows.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      tape.disconnected()
      this.#onAnswer()
    })
    socket.on('message', (data: Buffer) => {
      // What comes after it was terminated belongs to nobody.
      if (this.alive) this.#message(JSON.parse(data.toString()) as Envelope)
    })
  }

  get alive(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }

  subscribe(since: Tape['position']): Promise<void> {
    const { channel } = this.#tape
    return this.#ask('subscribe', since === undefined ? { channel } : { channel, since })
  }

  unsubscribe(): Promise<void> {
    return this.#ask('unsubscribe', { channel: this.#tape.channel })
  }

  terminate(): void {
    this.#tape.disconnected()
    this.#socket.terminate()
  }

  /** Resolves with the answer, or the end of the connection. */
  #ask(type: string, payload: object): Promise<void> {
    return new Promise((resolve) => {
      if (!this.alive) return resolve()
      this.#onAnswer = resolve
      this.#socket.send(JSON.stringify({ type, payload, metadata: {} }))
    })
  }

  #message({ type, payload, metadata }: Envelope): void {
    if (metadata.channel !== undefined) {
      return this.#tape.received({ type, payload, metadata } as Publication)
    }
    if (type === 'reset') return this.#tape.reset(payload as Down['reset'])
    if (type === 'subscribed') {
      const { epoch = '?', offset, recovered, reason } = payload as Down['subscribed']
      this.#tape.subscribed({ epoch, offset, recovered, reason })
    } else if (type === 'unsubscribed') this.#tape.left()
    else if (type === 'error') this.#answers.error('churner', payload['code'])
    else return
    this.#onAnswer()
  }
}
