import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

const SLAB_BYTES = 65_536

/**
 * Writes the pieces that leave one socket together with one system call. Sockets whose pieces differ share the memory
 * in which they are joined: the kernel has its copy when a write returns with nothing left over.
 */
export class Gather {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  /** What lies before it belongs to sockets that were not ready for it. */
  #start = 0

  write(socket: Duplex, pieces: readonly Uint8Array[]): void {
    let size = 0
    for (const piece of pieces) size += piece.length
    // What is encrypted, or waits behind other bytes, is written later: it needs memory of its own.
    const isDirect = socket instanceof Socket && !('encrypted' in socket)
    if (!isDirect || size > SLAB_BYTES || socket.writableLength > 0) {
      socket.write(Buffer.concat(pieces, size))
      return
    }
    if (this.#start + size > SLAB_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#start = 0
    }
    const start = this.#start
    let at = start
    for (const piece of pieces) {
      this.#slab.set(piece, at)
      at += piece.length
    }
    socket.write(this.#slab.subarray(start, at))
    if (socket.writableLength > 0) this.#start = at
  }
}
