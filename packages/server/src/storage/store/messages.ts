import type { Failure } from '../sqlite-messages.ts'

/** What SQLite stores. */
export type Value = string | number | bigint | Uint8Array | null

export interface Statement {
  sql: string
  parameters: Value[]
  /** Whether it may change something. */
  writes: boolean
  /** Whether it answers with rows. */
  returns: boolean
}

export interface Result {
  rows: Record<string, Value>[]
  /** Rows that were inserted, updated or deleted by a statement that returns none. */
  changes: number
}

export type Outcome = Result | Failure

export interface WorkerOptions {
  directory: string
}

/** `id` names the answer. */
export type Question =
  /** The statements of the open transaction; without one, each is a transaction of its own. */
  | { kind: 'run'; id: number; statements: Statement[] }
  | { kind: 'begin' | 'commit' | 'rollback'; id: number }

export type Request = Question | { kind: 'close' }

export type Answer =
  | { kind: 'opened' }
  | { kind: 'refused'; message: string }
  /** One outcome for each statement. */
  | { kind: 'answered'; id: number; outcomes: Outcome[] }
  /** Another process wrote to the database. */
  | { kind: 'changed' }

export function isFailure(outcome: Outcome): outcome is Failure {
  return 'reason' in outcome
}
