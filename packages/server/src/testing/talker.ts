import type { Envelope, JsonObject, Publication } from '@tidewire/protocol'
import { isReserved } from '@tidewire/protocol'

/** A client of a real server over WebSocket, which keeps everything that it is told. */
export class Talker {
  readonly user: string
  readonly frames: Envelope[] = []
  readonly #socket: WebSocket
  readonly #listeners = new Set<() => void>()
  #sent = 0
  #closedWith: number | undefined

  private constructor(user: string, socket: WebSocket) {
    this.user = user
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      this.frames.push(JSON.parse(String(data)) as Envelope)
      for (const listener of this.#listeners) listener()
    })
    socket.addEventListener('close', ({ code }) => {
      this.#closedWith = code
      for (const listener of this.#listeners) listener()
    })
  }

  static async connect(url: string, user: string, token: string): Promise<Talker> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws?token=${token}`)
    const talker = new Talker(user, socket)
    await talker.until(({ type }) => type === 'connection_established')
    return talker
  }

  get closedWith(): number | undefined {
    return this.#closedWith
  }

  /** Sends a command, or publishes to a channel, and resolves with its answer. */
  async ask(type: string, payload: object = {}, metadata: object = {}): Promise<Envelope> {
    const message_id = `${this.user}-${crypto.randomUUID()}-${(this.#sent += 1)}`
    const sent = { message_id, ...metadata }
    const before = this.frames.length
    this.#socket.send(JSON.stringify({ type, payload, metadata: sent }))
    return this.until(({ metadata }) => metadata.correlation_id === sent.message_id, before)
  }

  /** The payload of an answer that is no error. */
  async do(type: string, payload: object = {}): Promise<JsonObject> {
    const answer = await this.ask(type, payload)
    if (answer.type === 'error') throw new Error(JSON.stringify(answer.payload))
    return answer.payload
  }

  /** Publishes; the offset, or the error. */
  async say(
    channel: string,
    content: string,
    more: object = {},
    messageId?: string,
  ): Promise<{ id: string; offset: number }> {
    return this.publish(channel, 'message', { content, ...more }, messageId)
  }

  async publish(
    channel: string,
    type: string,
    payload: object,
    id: string = crypto.randomUUID(),
  ): Promise<{ id: string; offset: number }> {
    const answer = await this.ask(type, payload, { channel, message_id: id })
    if (answer.type === 'error') throw new Error(JSON.stringify(answer.payload))
    return { id, offset: answer.payload['offset'] as number }
  }

  /** The reason and the sentence of the refusal. */
  async refused(type: string, payload: object, metadata: object = {}): Promise<string> {
    const answer = await this.ask(type, payload, metadata)
    if (answer.type !== 'error') throw new Error(`It was answered: ${JSON.stringify(answer)}`)
    const { code, message } = answer.payload as { code: number; message: string }
    return `${code} ${message}`
  }

  /** The first frame that is so, of those that came or will come. Rejects when the connection ends before. */
  until(isIt: (frame: Envelope) => boolean, from = 0): Promise<Envelope> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.frames.slice(from).find(isIt)
        if (found === undefined && this.#closedWith === undefined) return
        this.#listeners.delete(look)
        if (found !== undefined) resolve(found)
        else reject(new Error(`${this.user} was closed with ${this.#closedWith}.`))
      }
      this.#listeners.add(look)
      look()
    })
  }

  push(type: string, payload: object = {}): Promise<Envelope> {
    return this.until((frame) => frame.type === type && contains(frame.payload, payload))
  }

  of(type: string): Envelope[] {
    return this.frames.filter((frame) => frame.type === type)
  }

  /** What was delivered of a channel, with a place in its log. */
  delivered(channel: string): Publication[] {
    return this.frames.filter(
      ({ type, metadata }) => metadata.channel === channel && !isReserved(type),
    ) as Publication[]
  }

  /** Resolves when everything that was sent before was answered, and what was pushed before is here. */
  async settle(): Promise<void> {
    await this.ask('ping')
  }

  close(): void {
    this.#socket.close()
  }
}

function contains(payload: JsonObject, part: object): boolean {
  return Object.entries(part).every(
    ([key, value]) => JSON.stringify(payload[key]) === JSON.stringify(value),
  )
}
