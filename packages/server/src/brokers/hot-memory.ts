import { ReadCache } from './read-cache.ts'
import { SpareChunks } from './text-queue.ts'

const DEFAULT_MEMORY_BYTES = 256 * 2 ** 20

/** What takes memory, and gives some back with each entry that it drops: all of it with the last one. */
export interface Holder {
  dropOldest(): void
}

/**
 * What the hot logs of a server take together. Beyond the bound the largest of them lose their oldest entries, so that who
 * fills it loses first, and who keeps little keeps it.
 */
export class HotMemory {
  readonly spares = new SpareChunks()
  readonly reads = new ReadCache()
  readonly #maxBytes: number
  /** Those that hold something, by the power of two that it is. */
  readonly #bySize: readonly Set<Holder>[] = Array.from({ length: 33 }, () => new Set())
  #used = 0

  constructor(maxBytes = DEFAULT_MEMORY_BYTES) {
    this.#maxBytes = maxBytes
  }

  get used(): number {
    return this.#used
  }

  /** The holder takes so many bytes now, instead of those before. */
  resized(holder: Holder, before: number, now: number): void {
    this.#used += now - before
    const [from, to] = [sizeOf(before), sizeOf(now)]
    if (from === to) return
    this.#bySize[from]!.delete(holder)
    if (to > 0) this.#bySize[to]!.add(holder)
  }

  makeRoom(): void {
    while (this.#used > this.#maxBytes) this.#largest().dropOldest()
  }

  /** Of those of about one size the one that has had it for longest. */
  #largest(): Holder {
    const [first] = this.#bySize.findLast((holders) => holders.size > 0)!
    return first!
  }
}

/** The bits of its KiB; 0 for nothing. */
function sizeOf(bytes: number): number {
  return 32 - Math.clz32(Math.ceil(bytes / 1024))
}
