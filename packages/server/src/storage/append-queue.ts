import { ProtocolError, type Publication } from '@tidewire/protocol'
import type { Appended } from '../core/ports/log.ts'
import type { Field, Outcome } from './sqlite-messages.ts'

/** Bounds of one commit, and of all that is accepted and not yet answered. Bytes are an estimate. */
const MAX_GROUP_ROWS = 4096
const MAX_GROUP_BYTES = 8 * 1024 * 1024
const MAX_WAITING_BYTES = 64 * 1024 * 1024

/** Appends that wait for a commit, in groups that one commit takes. */
export class AppendQueue {
  readonly #groups: Group[] = []
  #bytes = 0

  /** Groups that wait. */
  get size(): number {
    return this.#groups.length
  }

  /** Accepts the draft; `undefined` when too much waits already. */
  add({ type, payload, metadata }: Publication): Promise<Appended> | undefined {
    const body = JSON.stringify(payload)
    const bytes = body.length + 256
    if (this.#bytes + bytes > MAX_WAITING_BYTES) return undefined
    this.#bytes += bytes
    let group = this.#groups.at(-1)
    if (group === undefined || group.isFull(bytes)) {
      group = new Group()
      this.#groups.push(group)
    }
    return group.add(
      bytes,
      metadata.channel,
      metadata.message_id,
      type,
      body,
      metadata.timestamp,
      metadata.client_id ?? null,
      metadata.user ?? null,
    )
  }

  /** The next group to commit. Its bytes count until it is answered. */
  take(): Group | undefined {
    return this.#groups.shift()
  }

  answered(group: Group): void {
    this.#bytes -= group.bytes
  }
}

/** The appends of one commit. */
export class Group {
  /** As `Commit.fields`. */
  readonly fields: Field[] = []
  bytes = 0
  readonly #waiting: { resolve: (appended: Appended) => void; reject: (error: Error) => void }[] =
    []

  isFull(more: number): boolean {
    return this.#waiting.length >= MAX_GROUP_ROWS || this.bytes + more > MAX_GROUP_BYTES
  }

  add(bytes: number, ...fields: Field[]): Promise<Appended> {
    this.bytes += bytes
    this.fields.push(...fields)
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** Answers each by its outcome. */
  committed(epoch: string, outcomes: readonly Outcome[]): void {
    for (const [i, { resolve, reject }] of this.#waiting.entries()) {
      const outcome = outcomes[i] ?? null
      if (outcome === null) reject(storageFull())
      else if (outcome === 0) reject(conflict())
      else resolve({ epoch, offset: Math.abs(outcome), duplicate: outcome < 0 })
    }
  }

  failed(error: ProtocolError): void {
    for (const { reject } of this.#waiting) reject(error)
  }
}

function conflict(): ProtocolError {
  return new ProtocolError(
    'conflict',
    'The channel already holds this `message_id` with another type or payload. Use a new one.',
  )
}

export function storageFull(cause?: Error): ProtocolError {
  return new ProtocolError(
    'storage_full',
    'The storage of the server is full: nothing was written. Try again later.',
    { retryAfterMs: 5000, ...(cause === undefined ? {} : { cause }) },
  )
}
