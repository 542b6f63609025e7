import type { Range } from '../core/ports/broker.ts'
import type { Retention } from '../core/ports/log.ts'

/** What the worker is started with. */
export interface WorkerOptions {
  directory: string
  minFreeBytes: number
  maxBytes: number | undefined
  /** Milliseconds since 1970. */
  now: number
}

/**
 * Columns of one append, flat in `Commit.fields`: an array of strings is cloned faster than objects. A replacement has
 * as many, and `null` for the message_id.
 */
export type Field = string | null
export const FIELDS = 7 // channel, message_id, type (or offset), payload, timestamp, client_id, user

export interface Commit {
  kind: 'commit'
  at: number
  fields: Field[]
  /** About how many they are. */
  bytes: number
}

/**
 * Of an append: its offset; minus its first offset for a duplicate; 0 for a conflict. Of a replacement: its offset; 0 when
 * the log does not hold that. Of both: null where the storage is full.
 */
export type Outcome = number | null

/** `id` names the answer. */
export type Question =
  | { kind: 'read'; id: number; channel: string; range: Range }
  | { kind: 'trim'; id: number; namespace: string; retention: Retention; now: number }

export type Request = Commit | Question | { kind: 'close' }

/** The columns of a page that differ between rows, one array each. Offsets ascend from `first`. */
export interface PageColumns {
  oldest: number
  newest: number
  more: boolean
  first: number
  /** `ROW_FIELDS` each: message_id, type, payload, timestamp, client_id, user. */
  fields: Field[]
}
export const ROW_FIELDS = 6

export interface Failure {
  reason: 'storage_full' | 'unavailable'
  /** What SQLite said. */
  detail: string
}

export type Answer =
  | { kind: 'opened'; epoch: string; fenced: string | undefined; full: boolean }
  | { kind: 'refused'; message: string }
  | { kind: 'committed'; outcomes: Outcome[] }
  | { kind: 'not_committed'; failure: Failure }
  /** From now on. */
  | { kind: 'storage'; full: boolean }
  | { kind: 'page'; id: number; page: PageColumns }
  | { kind: 'trimmed'; id: number; count: number }
  | { kind: 'failed'; id: number; failure: Failure }
