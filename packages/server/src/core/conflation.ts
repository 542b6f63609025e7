import type { Publication } from '@tidewire/protocol'
import type { Clock } from './ports/clock.ts'

const MAX_KEYS = 10_000

/**
 * `mode: "latest"` (PROTOCOL.md §4): at most one delivery per `payload.key`, or per event where there is none, in each
 * interval, always the newest. The first after a quiet interval leaves at once.
 */
export class Conflation {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #deliver: (publications: Publication[]) => void
  #newest = new Map<string, Publication>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock, intervalMs: number, deliver: (publications: Publication[]) => void) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#deliver = deliver
  }

  add(publications: readonly Publication[]): void {
    for (const publication of publications) {
      const key = keyOf(publication)
      // Deleted first, so that the map stays in the order of the newest offsets.
      this.#newest.delete(key)
      this.#newest.set(key, publication)
    }
    if (this.#cancel === undefined || this.#newest.size > MAX_KEYS) this.#flush()
  }

  /** Delivers what waits, before its time: something that it must not come after follows. */
  flush(): void {
    if (this.#newest.size > 0) this.#flush()
  }

  end(): void {
    this.#cancel?.()
    this.#newest.clear()
  }

  readonly #flush = (): void => {
    this.#cancel?.()
    this.#cancel = undefined
    if (this.#newest.size === 0) return
    const publications = [...this.#newest.values()]
    this.#newest.clear()
    this.#cancel = this.#clock.after(this.#intervalMs, this.#flush)
    this.#deliver(publications)
  }
}

function keyOf({ type, payload }: Publication): string {
  return typeof payload['key'] === 'string' ? `key ${payload['key']}` : `event ${type}`
}
