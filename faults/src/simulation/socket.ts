/** Hears what goes through one connection, on the client's side. */
export interface WireTap {
  sent(text: string): void
  received(text: string): void
  ended(): void
}

export const NO_TAP: WireTap = {
  sent: () => undefined,
  received: () => undefined,
  ended: () => undefined,
}

/** What a socket does to its connection. */
export interface Wire {
  sendUp(text: string): void
  leave(code: number): void
}

interface Events {
  message: { data: string }
  close: { code: number; reason: string }
}

const OPEN = 1
const CLOSING = 2
const CLOSED = 3

/** The WebSocket API, as far as a client uses it, over a simulated connection. */
export class SimulatedSocket {
  readyState = 0
  readonly #tap: WireTap
  readonly #listeners: { [Type in keyof Events]: ((event: Events[Type]) => void)[] } = {
    message: [],
    close: [],
  }
  #wire: Wire | undefined

  constructor(tap: WireTap) {
    this.#tap = tap
  }

  attach(wire: Wire): void {
    this.#wire = wire
  }

  // The API

  addEventListener<Type extends keyof Events>(
    type: Type,
    listener: (event: Events[Type]) => void,
  ): void {
    if (type in this.#listeners) this.#listeners[type].push(listener)
  }

  send(text: string): void {
    if (this.readyState !== OPEN) return
    this.#tap.sent(text)
    this.#wire?.sendUp(text)
  }

  close(code = 1000): void {
    if (this.readyState >= CLOSING) return
    this.readyState = CLOSING
    this.#tap.ended()
    this.#wire?.leave(code)
  }

  // What the connection brings

  opened(): void {
    if (this.readyState === 0) this.readyState = OPEN
  }

  receive(text: string): void {
    // What comes behind the client's own goodbye is not heard.
    if (this.readyState !== OPEN) return
    this.#tap.received(text)
    for (const listener of this.#listeners.message) listener({ data: text })
  }

  closed(code: number, reason: string): void {
    if (this.readyState === CLOSED) return
    if (this.readyState !== CLOSING) this.#tap.ended()
    this.readyState = CLOSED
    for (const listener of this.#listeners.close) listener({ code, reason })
  }
}
