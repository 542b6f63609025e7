import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Batch, Encoding } from '../core/ports/batch.ts'
import type { Connection } from '../core/ports/connection.ts'
import type { Gather } from './gather.ts'
import type { Watched } from './websocket-heartbeat.ts'

/** RFC 6455 §5.5.2, without data: the same bytes for all. */
const PING = Buffer.of(0x89, 0)

/** The bytes of a session, past the sender of `ws`. */
export class WebSocketConnection implements Connection, Watched {
  readonly transport = 'websocket'
  readonly duplex = true
  readonly address: string
  heardAt = 0
  readonly #ws: WebSocket
  readonly #socket: Duplex
  readonly #encoding: Encoding
  readonly #gather: Gather

  constructor(ws: WebSocket, socket: Duplex, encoding: Encoding, gather: Gather, address: string) {
    this.address = address
    this.#gather = gather
    this.#ws = ws
    this.#socket = socket
    this.#encoding = encoding
  }

  send(batches: readonly Batch[]): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return
    if (batches.length === 1) this.#socket.write(batches[0]!.bytes(this.#encoding))
    else {
      this.#gather.write(
        this.#socket,
        batches.map((batch) => batch.bytes(this.#encoding)),
      )
    }
  }

  get isPaused(): boolean {
    return this.#ws.isPaused
  }

  buffered(): number {
    return this.#socket.writableLength
  }

  onDrain(fn: () => void): void {
    if (this.#socket.writableNeedDrain) this.#socket.once('drain', fn)
    else setImmediate(fn)
  }

  ping(): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#socket.write(PING)
  }

  terminate(): void {
    this.#ws.terminate()
  }

  pause(): void {
    this.#ws.pause()
  }

  resume(): void {
    this.#ws.resume()
  }

  close(code: number, reason: string): void {
    // The peer's close frame has to be read.
    if (this.#ws.isPaused) this.#ws.resume()
    this.#ws.close(code, reason)
    if (this.#socket.writableLength === 0) return
    // A peer that does not read never answers the close frame: what waits for it is let go.
    const letGo = (): void => {
      if (this.#socket.writableLength > 0) this.#ws.terminate()
    }
    setTimeout(letGo, 1_000).unref()
  }
}
