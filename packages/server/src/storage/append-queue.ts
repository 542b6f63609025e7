import { type JsonObject, ProtocolError, type Publication } from '@tidewire/protocol'
import type { Appended } from '../core/ports/log.ts'
import type { Field, Outcome } from './sqlite-messages.ts'

/** Bounds of one commit, and of all that is accepted and not yet answered. Bytes are an estimate. */
const MAX_GROUP_ROWS = 4096
const MAX_GROUP_BYTES = 8 * 1024 * 1024
const MAX_WAITING_BYTES = 64 * 1024 * 1024

/** Appends and replacements that wait for a commit, in groups that one commit takes. */
export class AppendQueue {
  readonly #groups: Group[] = []
  #bytes = 0

  /** Groups that wait. */
  get size(): number {
    return this.#groups.length
  }

  /** Accepts the draft; `undefined` when too much waits already. */
  append({ type, payload, metadata }: Publication): Promise<Appended> | undefined {
    const body = JSON.stringify(payload)
    const bytes = body.length + 256
    return this.#groupFor(bytes)?.append(
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

  /** As `append`, of another payload for the publication at `offset`. */
  replace(channel: string, offset: number, payload: JsonObject): Promise<boolean> | undefined {
    const body = JSON.stringify(payload)
    const bytes = body.length + 256
    return this.#groupFor(bytes)?.replace(bytes, channel, String(offset), body)
  }

  /** The next group to commit. Its bytes count until it is answered. */
  take(): Group | undefined {
    return this.#groups.shift()
  }

  answered(group: Group): void {
    this.#bytes -= group.bytes
  }

  #groupFor(bytes: number): Group | undefined {
    if (this.#bytes + bytes > MAX_WAITING_BYTES) return undefined
    this.#bytes += bytes
    let group = this.#groups.at(-1)
    if (group === undefined || group.isFull(bytes)) {
      group = new Group()
      this.#groups.push(group)
    }
    return group
  }
}

type Waiting =
  | { kind: 'append'; resolve: (appended: Appended) => void; reject: (error: Error) => void }
  | { kind: 'replace'; resolve: (done: boolean) => void; reject: (error: Error) => void }

/** The appends and replacements of one commit. */
export class Group {
  /** As `Commit.fields`. */
  readonly fields: Field[] = []
  bytes = 0
  readonly #waiting: Waiting[] = []

  isFull(more: number): boolean {
    return this.#waiting.length >= MAX_GROUP_ROWS || this.bytes + more > MAX_GROUP_BYTES
  }

  append(bytes: number, ...fields: Field[]): Promise<Appended> {
    this.bytes += bytes
    this.fields.push(...fields)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ kind: 'append', resolve, reject })
    })
  }

  replace(bytes: number, channel: string, offset: string, body: string): Promise<boolean> {
    this.bytes += bytes
    this.fields.push(channel, null, offset, body, null, null, null)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ kind: 'replace', resolve, reject })
    })
  }

  /** Answers each by its outcome. */
  committed(epoch: string, outcomes: readonly Outcome[]): void {
    for (const [i, waiting] of this.#waiting.entries()) {
      const outcome = outcomes[i] ?? null
      if (outcome === null) waiting.reject(storageFull())
      else if (waiting.kind === 'replace') waiting.resolve(outcome > 0)
      else if (outcome === 0) waiting.reject(conflict())
      else waiting.resolve({ epoch, offset: Math.abs(outcome), duplicate: outcome < 0 })
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
