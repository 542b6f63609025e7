import { ProtocolError } from '@tidewire/protocol'
import type { Server } from '../../server.ts'

/** Whoever sends less than this in that time keeps a place from others. */
export const PACE_BYTES = 20 * 1024
export const PACE_MS = 10_000

export type Reader = ReadableStreamDefaultReader<Uint8Array>
type Part = Awaited<ReturnType<Reader['read']>>

/** Reads as long as the sender keeps up: then `read` rejects with `unavailable`, and what comes is still in the reader. */
export class PacedReader {
  readonly #reader: Reader
  readonly #clock: Server['clock']
  /** Why nothing is read any more. */
  #error: ProtocolError | undefined
  /** Of the read that waits. */
  #reject: ((error: ProtocolError) => void) | undefined
  #cancel!: () => void
  /** Since the last look, as is the next. */
  #bytes = 0
  /** Milliseconds that the sender was waited for, and not the disk. */
  #waited = 0
  #waitingSince: number | undefined

  constructor(reader: Reader, clock: Server['clock']) {
    this.#reader = reader
    this.#clock = clock
    this.#watch()
  }

  async read(): Promise<Part> {
    if (this.#error !== undefined) throw this.#error
    this.#waitingSince = this.#clock.steady()
    // No race against a promise of the whole file: that would keep every part until its end.
    const part = await new Promise<Part>((resolve, reject) => {
      this.#reject = reject
      this.#reader.read().then(resolve, reject)
    })
    this.#reject = undefined
    // What came too late does not count any more.
    if (this.#error !== undefined) throw this.#error
    this.#waited += this.#clock.steady() - this.#waitingSince
    this.#waitingSince = undefined
    this.#bytes += part.value?.byteLength ?? 0
    return part
  }

  stop(): void {
    this.#cancel()
  }

  #refuse(error: ProtocolError): void {
    this.#error = error
    this.#reject?.(error)
  }

  #watch(): void {
    this.#cancel = this.#clock.after(PACE_MS, () => {
      const now = this.#clock.steady()
      const waited = this.#waited + now - (this.#waitingSince ?? now)
      if (waited > PACE_MS / 2 && this.#bytes < PACE_BYTES) return this.#refuse(tooSlow())
      this.#bytes = 0
      this.#waited = 0
      if (this.#waitingSince !== undefined) this.#waitingSince = now
      this.#watch()
    })
  }
}

function tooSlow(): ProtocolError {
  return new ProtocolError(
    'unavailable',
    'The file comes too slowly. Send it again when the line is better.',
    { retryAfterMs: 1_000 },
  )
}
