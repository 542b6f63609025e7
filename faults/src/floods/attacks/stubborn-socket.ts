import { JSON_SUBPROTOCOL } from '@tidewire/protocol'
import { WebSocket } from 'ws'
import type { Tally } from '../tally.ts'
import type { Orders } from './attack.ts'

const AGAIN_MS = 50
/** What may wait for a server that does not read. */
const MAX_BUFFERED = 2 ** 20

/** The WebSocket of an attacker: opened again whenever it is ended, whatever the server says. Counts what it is told. */
export class StubbornSocket {
  readonly #orders: Orders
  readonly #tally: Tally
  #socket: WebSocket
  #ended = false

  constructor(orders: Orders, tally: Tally) {
    this.#orders = orders
    this.#tally = tally
    this.#socket = this.#open()
  }

  /** Whether it was sent: not where it is not connected, or the server reads no more. */
  send(type: string, payload: object, metadata: object = {}): boolean {
    const { readyState, bufferedAmount } = this.#socket
    const isSent = readyState === WebSocket.OPEN && bufferedAmount <= MAX_BUFFERED
    this.#tally.add(isSent ? 'sent' : 'withheld')
    if (isSent) this.#socket.send(JSON.stringify({ type, payload, metadata }))
    return isSent
  }

  end(): void {
    this.#ended = true
    this.#socket.terminate()
  }

  #open(): WebSocket {
    const { port, from, token } = this.#orders
    const socket = new WebSocket(
      `ws://127.0.0.1:${port}/v1/ws`,
      [JSON_SUBPROTOCOL, `bearer.${token}`],
      from === undefined ? {} : { localAddress: from },
    )
    socket.on('message', (data: Buffer) => this.#told(data))
    socket.on('unexpected-response', (request, { statusCode }) => {
      this.#tally.add(`HTTP ${statusCode}`)
      request.destroy()
    })
    // `close` follows.
    socket.on('error', () => undefined)
    socket.on('close', (code) => {
      this.#tally.add(`close ${code}`)
      if (!this.#ended) setTimeout(() => (this.#socket = this.#open()), AGAIN_MS)
    })
    return socket
  }

  #told(data: Buffer): void {
    // Not parsed as a whole: the attacker's time is the machine's.
    const text = data.toString()
    const type = /^\{"type":"([a-z_]+)"/.exec(text)?.[1] ?? 'other'
    const code = type === 'error' ? ` ${/"code":(\d+)/.exec(text)?.[1]}` : ''
    this.#tally.add(`${type}${code}`)
  }
}
