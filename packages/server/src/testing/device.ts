import type { JsonObject } from '@tidewire/protocol'

export interface DeviceFrame {
  type: string
  payload: JsonObject
  metadata: JsonObject
}

/** A client over a bare WebSocket: what it was sent is in `frames`. */
export class Device {
  readonly frames: DeviceFrame[] = []
  readonly #socket: WebSocket
  readonly #waiting = new Set<() => void>()
  #lastId = 0

  private constructor(url: string, token: string) {
    this.#socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws?token=${token}`)
    this.#socket.addEventListener('message', ({ data }) => {
      this.frames.push(JSON.parse(String(data)) as DeviceFrame)
      for (const look of this.#waiting) look()
    })
  }

  static async connect(url: string, token: string): Promise<Device> {
    const device = new Device(url, token)
    await device.next('connection_established')
    return device
  }

  /** The first frame of the type that was not taken yet, or is still to come. */
  async next(type: string): Promise<DeviceFrame> {
    return this.until(() => {
      const at = this.frames.findIndex((frame) => frame.type === type)
      return at < 0 ? undefined : this.frames.splice(at, 1)[0]
    })
  }

  /** What `find` finds, now or after some further frame. */
  until<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = find()
        if (found === undefined) return
        this.#waiting.delete(look)
        resolve(found)
      }
      this.#waiting.add(look)
      look()
    })
  }

  /** The answer to a frame, which may be an `error`. */
  ask(type: string, payload: object, metadata: object = {}): Promise<DeviceFrame> {
    this.#lastId += 1
    const message_id = `${this.#lastId}`
    this.#socket.send(JSON.stringify({ type, payload, metadata: { ...metadata, message_id } }))
    return this.until(() => {
      const at = this.frames.findIndex(({ metadata }) => metadata['correlation_id'] === message_id)
      return at < 0 ? undefined : this.frames.splice(at, 1)[0]
    })
  }

  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return
    const closed = new Promise((resolve) => this.#socket.addEventListener('close', resolve))
    this.#socket.close()
    await closed
  }
}
