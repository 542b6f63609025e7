import { WebSocket } from 'ws'
import { until } from '../../support/until.ts'

export interface Frame {
  type: string
  payload: Record<string, unknown>
  metadata: Record<string, unknown>
}

/** What came of a frame: its answer, or the code that the connection was closed with instead. */
export type Answer = Frame | { closed: number }

export interface PeerOptions {
  /** Sent as the second subprotocol. */
  token?: string | undefined
  /** `/v1/ws` and what follows. */
  path?: string
  headers?: Record<string, string>
  protocols?: readonly string[]
}

let frames = 0

/** A client of the WebSocket transport that knows no more than the wire. */
export class Peer {
  /** Everything that came, but for what was the answer to a frame. */
  readonly frames: Frame[] = []
  readonly socket: WebSocket
  closed: number | undefined
  readonly #answers = new Map<string, (answer: Answer) => void>()

  private constructor(url: string, { token, path = '/v1/ws', headers, protocols }: PeerOptions) {
    const bearer = token === undefined ? [] : [`bearer.${token}`]
    this.socket = new WebSocket(
      `${url.replace('http', 'ws')}${path}`,
      ['tidewire.v1.json', ...bearer, ...(protocols ?? [])],
      { headers: { ...headers } },
    )
    this.socket.on('message', (data: Buffer) => this.#message(JSON.parse(data.toString()) as Frame))
    // `close` follows.
    this.socket.on('error', () => undefined)
    this.socket.on('close', (code) => {
      this.closed = code
      for (const answer of this.#answers.values()) answer({ closed: code })
    })
  }

  /** Resolves when the server greeted, or ended the connection. */
  static async open(url: string, options: PeerOptions = {}): Promise<Peer> {
    const peer = new Peer(url, options)
    await until(() => peer.frames.length > 0 || peer.closed !== undefined)
    return peer
  }

  /** What the server says to a frame. */
  ask(type: string, payload: object = {}, metadata: object = {}): Promise<Answer> {
    if (this.closed !== undefined) return Promise.resolve({ closed: this.closed })
    frames += 1
    const message_id = `ask-${frames}`
    return new Promise((resolve) => {
      this.#answers.set(message_id, resolve)
      this.socket.send(JSON.stringify({ type, payload, metadata: { ...metadata, message_id } }))
    })
  }

  publish(channel: string, payload: object, type = 'message'): Promise<Answer> {
    return this.ask(type, payload, { channel })
  }

  of(type: string): Frame[] {
    return this.frames.filter((frame) => frame.type === type)
  }

  end(): void {
    this.socket.terminate()
  }

  #message(frame: Frame): void {
    const id = String(frame.metadata['correlation_id'])
    const answer = this.#answers.get(id)
    if (answer === undefined) {
      this.frames.push(frame)
      return
    }
    this.#answers.delete(id)
    answer(frame)
  }
}

/** The code of a refusal, told in a frame or by closing; `undefined` for everything else. */
export function codeOf(answer: Answer): number | undefined {
  if ('closed' in answer) return answer.closed
  return answer.type === 'error' ? Number(answer.payload['code']) : undefined
}
