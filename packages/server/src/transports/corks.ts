import type { Duplex } from 'node:stream'

/**
 * Lets what the turn of the event loop has for a new socket leave in one write: the answer to its handshake and the
 * greeting behind it.
 */
export class Corks {
  #sockets: Duplex[] = []

  /** Holds back what is written to the socket in `work`, and after it until what `work` put off to the end of the turn is done. */
  hold(socket: Duplex, work: () => void): void {
    socket.cork()
    try {
      work()
    } finally {
      if (this.#sockets.push(socket) === 1) setImmediate(this.#letGo)
    }
  }

  readonly #letGo = (): void => {
    const sockets = this.#sockets
    this.#sockets = []
    for (const socket of sockets) socket.uncork()
  }
}
