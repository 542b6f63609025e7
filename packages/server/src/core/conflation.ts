import type { Envelope } from '@tidewire/protocol'
import { Batch } from './ports/batch.ts'
import type { Clock } from './ports/clock.ts'

const MAX_KEYS = 10_000
/** Publications that are gathered before those that have a newer one are let go. */
const MANY = 64

/**
 * What came since a delivery, batch after batch. All who got the same since then share it: the newest of each key are
 * found once, and encoded once.
 */
class Gathered {
  /** What came last. */
  readonly batch: Batch
  readonly #before: Gathered | undefined
  readonly #size: number
  /** Those of the publications that were found to be the newest, at the last look. */
  readonly #kept: number
  #next: Gathered | undefined
  #newest: Batch | undefined

  constructor(batch: Batch, before?: Gathered, kept = 0) {
    this.batch = batch
    this.#before = before
    this.#size = batch.envelopes.length + (before === undefined ? 0 : before.#size)
    this.#kept = before === undefined ? kept : before.#kept
  }

  get isFull(): boolean {
    return this.#kept > MAX_KEYS
  }

  and(batch: Batch): Gathered {
    if (this.#next?.batch !== batch) this.#next = new Gathered(batch, this.#compact())
    return this.#next
  }

  /** The newest of each key, in the order of their offsets. */
  newest(): Batch {
    return (this.#newest ??= this.#findNewest())
  }

  #findNewest(): Batch {
    const byKey = new Map<string, Envelope>()
    for (const { envelopes } of this.#batches()) {
      for (const envelope of envelopes) {
        const key = keyOf(envelope)
        // Deleted first, so that the map stays in the order of the newest offsets.
        byKey.delete(key)
        byKey.set(key, envelope)
      }
    }
    // One that stands for itself may have been encoded for others already.
    return byKey.size === this.batch.envelopes.length && byKey.size === this.#size
      ? this.batch
      : new Batch([...byKey.values()])
  }

  #batches(): Batch[] {
    const batches = [this.batch]
    for (let at = this.#before; at !== undefined; at = at.#before) batches.push(at.batch)
    return batches.toReversed()
  }

  #compact(): Gathered {
    if (this.#size <= 2 * this.#kept + MANY) return this
    const newest = this.newest()
    return new Gathered(newest, undefined, newest.envelopes.length)
  }
}

/** What the conflations of a node share. */
export class Conflations {
  readonly clock: Clock
  #first: Gathered | undefined

  constructor(clock: Clock) {
    this.clock = clock
  }

  /**
   * What was gathered and the batch. A batch is handed to one after the other of a channel: who begins with it shares it
   * with who did a moment ago.
   */
  add(gathered: Gathered | undefined, batch: Batch): Gathered {
    // Nobody begins with an older one any more, and it leads to all that came after it.
    if (this.#first?.batch !== batch) this.#first = undefined
    if (gathered !== undefined) return gathered.and(batch)
    return (this.#first ??= new Gathered(batch))
  }
}

/**
 * `mode: "latest"` (PROTOCOL.md §4): at most one delivery per `payload.key`, or per event where there is none, in each
 * interval, always the newest. The first after a quiet interval leaves at once.
 */
export class Conflation {
  readonly #conflations: Conflations
  readonly #intervalMs: number
  readonly #deliver: (batch: Batch) => void
  /** Undefined when nothing waits. */
  #gathered: Gathered | undefined
  #cancel: (() => void) | undefined

  constructor(conflations: Conflations, intervalMs: number, deliver: (batch: Batch) => void) {
    this.#conflations = conflations
    this.#intervalMs = intervalMs
    this.#deliver = deliver
  }

  add(batch: Batch): void {
    this.#gathered = this.#conflations.add(this.#gathered, batch)
    if (this.#cancel === undefined || this.#gathered.isFull) this.flush()
  }

  /** Delivers what waits, before its time: something that it must not come after follows. */
  flush(): void {
    if (this.#gathered === undefined) return
    const newest = this.#gathered.newest()
    this.#gathered = undefined
    this.#cancel?.()
    this.#cancel = this.#conflations.clock.after(this.#intervalMs, this.#end)
    this.#deliver(newest)
  }

  end(): void {
    this.#cancel?.()
    this.#gathered = undefined
  }

  /** The interval is over. */
  readonly #end = (): void => {
    this.#cancel = undefined
    this.flush()
  }
}

function keyOf({ type, payload }: Envelope): string {
  return typeof payload['key'] === 'string' ? `key ${payload['key']}` : `event ${type}`
}
