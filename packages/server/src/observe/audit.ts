import { ERRORS } from '@tidewire/protocol'
import type { Refusal } from '../core/ports/observer.ts'
import { cleanText, type Logger } from './logs.ts'

/** One refusal, as it is written down. Texts have at most 256 characters and hold no token. */
export interface AuditEntry extends Refusal {
  /** ISO 8601, UTC. */
  time: string
  audit: 'refused'
  /** Of PROTOCOL.md §7. */
  code: number
  /** Refusals before this one that got no line. */
  suppressed?: number
}

/** The last word of a server that had more refusals than lines. */
export interface AuditEnd {
  time: string
  audit: 'suppressed'
  suppressed: number
}

/** Where the lines go. Never throws, never blocks. */
export interface AuditSink {
  write(entry: AuditEntry | AuditEnd): void
  /** Refusals whose lines were taken and then lost, since the last call. */
  takeLost(): number
  /** Resolves when what was written is there. */
  close(): Promise<void>
}

const MAX_FIELD = 256
/** A flood must not fill the disk: what is above this is counted, and the next line tells how many. */
const LINES_PER_SECOND = 10

/** Who was refused what: a bounded, sampled line for each refusal. */
export class Audit {
  readonly #sink: AuditSink
  readonly #now: () => number
  #second = -Infinity
  #lines = 0
  #suppressed = 0

  constructor({ sink, now }: { sink: AuditSink; now: () => number }) {
    this.#sink = sink
    this.#now = now
  }

  refused(refusal: Refusal): void {
    const now = this.#now()
    // Also when the clock is set back.
    if (Math.abs(now - this.#second) >= 1000) {
      this.#second = now
      this.#lines = 0
    }
    if (this.#lines >= LINES_PER_SECOND) {
      this.#suppressed += 1
      return
    }
    this.#lines += 1
    const suppressed = this.#takeSuppressed()
    const entry = entryOf(refusal, now)
    this.#sink.write(suppressed === 0 ? entry : { ...entry, suppressed })
  }

  async close(): Promise<void> {
    const suppressed = this.#takeSuppressed()
    if (suppressed > 0) {
      this.#sink.write({ time: timeOf(this.#now()), audit: 'suppressed', suppressed })
    }
    await this.#sink.close()
  }

  #takeSuppressed(): number {
    const suppressed = this.#suppressed + this.#sink.takeLost()
    this.#suppressed = 0
    return suppressed
  }
}

/** Audit lines among the other lines of the log. */
export function auditToLog(logger: Logger): AuditSink {
  return {
    write: (entry) => {
      // Lines of the log have a time of their own.
      const { time: _, ...fields } = entry
      logger.info(fields, entry.audit)
    },
    takeLost: () => 0,
    close: () => Promise.resolve(),
  }
}

function entryOf(refusal: Refusal, now: number): AuditEntry {
  const { reason, action } = refusal
  const { channel, user, key_id, client_id, address, transport } = refusal
  const texts = Object.entries({ channel, user, key_id, client_id, address, transport }).flatMap(
    ([name, value]) => (value === undefined ? [] : [[name, bounded(value)] as const]),
  )
  return {
    time: timeOf(now),
    audit: 'refused',
    code: ERRORS[reason].code,
    reason,
    action: bounded(action),
    ...Object.fromEntries(texts),
  }
}

function bounded(text: string): string {
  // With the ellipsis of what is cut.
  return cleanText(text, MAX_FIELD - 1)
}

function timeOf(now: number): string {
  return new Date(now).toISOString()
}
