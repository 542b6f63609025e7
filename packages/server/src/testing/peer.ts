import type { JsonObject } from '@tidewire/protocol'

export interface PeerFrame {
  type: string
  payload: JsonObject
  metadata: JsonObject
}

/** A WebSocket that says what it is told and keeps what it hears. */
export class Peer {
  readonly socket: WebSocket
  /** Everything that came, in order. */
  readonly frames: PeerFrame[] = []
  readonly closed: Promise<number>
  readonly #waiting = new Set<() => void>()
  #ids = 0

  private constructor(url: string, token: string) {
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws${token && `?token=${token}`}`)
    this.socket.addEventListener('message', ({ data }) => {
      this.frames.push(JSON.parse(String(data)) as PeerFrame)
      for (const wake of this.#waiting) wake()
    })
    this.closed = new Promise((resolve) => {
      this.socket.addEventListener('close', ({ code }) => resolve(code))
    })
  }

  /** Resolves when it is greeted. Without a token it is nobody in particular. */
  static async connect(url: string, token = ''): Promise<Peer> {
    const peer = new Peer(url, token)
    await peer.until((frame) => frame.type === 'connection_established')
    return peer
  }

  /** The first frame, also of those that came before, for which it holds. */
  until(holds: (frame: PeerFrame) => boolean): Promise<PeerFrame> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.frames.find(holds)
        if (found === undefined) return
        this.#waiting.delete(look)
        resolve(found)
      }
      this.#waiting.add(look)
      look()
    })
  }

  /** Resolves with the answer, be it an `error`. */
  ask(type: string, payload: JsonObject = {}): Promise<PeerFrame> {
    const message_id = `q${(this.#ids += 1)}`
    this.socket.send(JSON.stringify({ type, payload, metadata: { message_id } }))
    return this.until(({ metadata }) => metadata['correlation_id'] === message_id)
  }

  /** Payloads of a type that came until now. */
  heard(type: string): JsonObject[] {
    return this.frames.filter((frame) => frame.type === type).map(({ payload }) => payload)
  }

  /** Resolves when the connection is gone on this side. */
  async close(): Promise<void> {
    this.socket.close()
    await this.closed
  }
}
