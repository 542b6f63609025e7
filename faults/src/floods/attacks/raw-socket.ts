import { connect, type Socket } from 'node:net'
import type { Tally } from '../tally.ts'
import type { Orders } from './attack.ts'

/** A TCP connection that is written to by hand. Counts how it is answered, and how long it lives. */
export class RawSocket {
  readonly closed: Promise<void>
  readonly #socket: Socket
  #isClosed = false
  #heard = ''

  /** `hangUp`: once it is answered, with a reset, so that no port of this machine is kept for it. */
  constructor(orders: Orders, tally: Tally, { hangUp = false } = {}) {
    const { port, from } = orders
    const began = performance.now()
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      ...(from === undefined ? {} : { localAddress: from }),
    })
    tally.add('opened')
    this.#socket.on('data', (chunk) => {
      if (this.#heard.length > 200) return
      this.#heard += chunk.toString('latin1')
      const status = /^HTTP\/1\.1 (\d+)/.exec(this.#heard)?.[1]
      if (status !== undefined && this.#heard.length === chunk.length) tally.add(`HTTP ${status}`)
      if (hangUp) this.#socket.resetAndDestroy()
    })
    // `close` follows.
    this.#socket.on('error', (error: NodeJS.ErrnoException) => tally.add(String(error.code)))
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.#isClosed = true
        tally.add('closed')
        tally.largest('longest life, ms', performance.now() - began)
        resolve()
      })
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  write(bytes: string | Buffer): void {
    if (!this.#isClosed && this.#socket.writable) this.#socket.write(bytes)
  }

  /** Gone without a word. */
  destroy(): void {
    this.#socket.resetAndDestroy()
  }
}
