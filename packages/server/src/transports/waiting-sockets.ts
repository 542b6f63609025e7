import type { Duplex } from 'node:stream'

const LOOK_MS = 20

/**
 * Sockets that nobody reads yet: their end has to be looked for. What they send is left where it is. A listener for it
 * would cost a fifth of a handshake, so they are looked at all together.
 */
export class WaitingSockets {
  readonly #sockets = new Set<Duplex>()
  #isLooking = false

  add(socket: Duplex): void {
    socket.on('error', leave)
    socket.on('end', leave)
    this.#sockets.add(socket)
    if (!this.#isLooking) this.#lookLater()
  }

  /** Idempotent. */
  delete(socket: Duplex): void {
    if (!this.#sockets.delete(socket)) return
    socket.off('error', leave)
    socket.off('end', leave)
  }

  #lookLater(): void {
    this.#isLooking = true
    setTimeout(this.#look, LOOK_MS).unref()
  }

  readonly #look = (): void => {
    this.#isLooking = false
    // An end is told to who reads, and once everything before it was read.
    for (const socket of this.#sockets) if (socket.readableLength === 0) socket.read(0)
    if (this.#sockets.size > 0) this.#lookLater()
  }
}

function leave(this: Duplex): void {
  this.destroy()
}
