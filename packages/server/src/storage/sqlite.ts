import { type JsonObject, type Position, ProtocolError, type Publication } from '@tidewire/protocol'
import type { Worker } from 'node:worker_threads'
import type { Page, Range } from '../core/ports/broker.ts'
import type { Appended, Log, Retention } from '../core/ports/log.ts'
import { AppendQueue, type Group, storageFull } from './append-queue.ts'
import { startDatabaseThread } from './database-thread.ts'
import { type Answer, type PageColumns, type Request, ROW_FIELDS } from './sqlite-messages.ts'
import type { Failure, Field, Question, WorkerOptions } from './sqlite-messages.ts'
import { StorageError } from './storage-error.ts'

export { StorageError }

export interface SqliteLogOptions {
  /** Holds `tidewire.db` and its companions; made when it is not there. One server at a time. */
  directory: string
  /** Milliseconds since 1970, by a clock that never steps back: ages and the window of repeats are measured by it. */
  now: () => number
  /** What the database may grow to; beyond it appends are `storage_full`. Absent = as far as the disk goes. */
  maxBytes?: number | undefined
  /** What is left of the disk for others. */
  minFreeBytes?: number | undefined
  events?: LogEvents
}

/** What an operator should know of. */
export interface LogEvents {
  /** The database is not the one that was closed last, so it began a new epoch. `why` goes on "The database …: ". */
  onFenced?: (why: string) => void
  /** Appends are refused with `storage_full` from now on, or no longer. */
  onFull?: (full: boolean) => void
  /** The log's thread is gone, and with it the log: only a new start brings it back. */
  onDeath?: (error: StorageError) => void
}

/** Reads and trims that wait for their answer; more are refused. */
const MAX_QUESTIONS = 16_384

/** Opens the durable log. Rejects with `StorageError`. */
export async function openSqliteLog(options: SqliteLogOptions): Promise<SqliteLog> {
  const { directory, now, maxBytes, minFreeBytes = 0, events = {} } = options
  const workerData: WorkerOptions = { directory, minFreeBytes, maxBytes, now: now() }
  const { worker, opened } = await startDatabaseThread({
    name: 'tidewire-log',
    module: (extension) => new URL(`./sqlite-worker.${extension}`, import.meta.url),
    workerData,
    what: `The log in ${directory}`,
  })
  const { epoch, fenced, full } = opened as Extract<Answer, { kind: 'opened' }>
  if (fenced !== undefined) events.onFenced?.(fenced)
  return new SqliteLog({ worker, epoch, full, now, events })
}

interface SqliteLogParts {
  worker: Worker
  epoch: string
  full: boolean
  now: () => number
  events: LogEvents
}

/**
 * The durable log in an SQLite database, which a thread of its own owns: neither the disk nor a checkpoint holds up
 * this one. What is appended or replaced in one turn, or while a commit is under way, is one commit and one message.
 */
export class SqliteLog implements Log {
  readonly #worker: Worker
  readonly #epoch: string
  readonly #now: () => number
  readonly #events: LogEvents
  readonly #queue = new AppendQueue()
  readonly #questions = new Map<number, (answer: Answer | ProtocolError) => void>()
  #committing: Group | undefined
  #scheduled = false
  #asked = 0
  readonly #exited: Promise<void>
  #full = false
  #dead = false
  #closing = false
  /** Why nothing more is accepted. */
  #refusal: ProtocolError | undefined
  #closed: Promise<void> | undefined
  #onIdle: () => void = () => undefined

  constructor({ worker, epoch, full, now, events }: SqliteLogParts) {
    this.#worker = worker
    this.#epoch = epoch
    this.#now = now
    this.#events = events
    if (full) this.#storageIs(full)
    worker.on('message', (answer: Answer) => this.#receive(answer))
    worker.on('error', (error) => this.#fail(error))
    worker.on('exit', () => this.#fail(undefined))
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve()))
  }

  /** Why a server should get no clients because of its log; empty when it should. */
  unreadiness(): string[] {
    if (this.#dead) return ['log stopped']
    return this.#full ? ['storage full'] : []
  }

  append(draft: Publication): Promise<Appended> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    return this.#accepted(this.#queue.append(draft))
  }

  replace(channel: string, { epoch, offset }: Position, payload: JsonObject): Promise<boolean> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    if (epoch !== this.#epoch) return Promise.resolve(false)
    return this.#accepted(this.#queue.replace(channel, offset, payload))
  }

  #accepted<T>(answered: Promise<T> | undefined): Promise<T> {
    if (answered === undefined) {
      return Promise.reject(unavailable('The log does not keep up. Try again a little later.', 250))
    }
    // After everything that is readable in this turn was read.
    if (!this.#scheduled && this.#committing === undefined) {
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        this.#commitNext()
      })
    }
    return answered
  }

  async read(channel: string, range: Range): Promise<Page> {
    const answer = await this.#ask({ kind: 'read', id: ++this.#asked, channel, range })
    if (answer.kind !== 'page') throw unexpected(answer)
    return toPage(answer.page, channel, this.#epoch)
  }

  async trim(namespace: string, retention: Retention, now: number): Promise<number> {
    const answer = await this.#ask({ kind: 'trim', id: ++this.#asked, namespace, retention, now })
    if (answer.kind !== 'trimmed') throw unexpected(answer)
    return answer.count
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#refusal ??= unavailable('The log is closed: the server is stopping.')
    if (this.#committing !== undefined || this.#queue.size > 0) {
      await new Promise<void>((resolve) => (this.#onIdle = resolve))
    }
    this.#closing = true
    this.#post({ kind: 'close' })
    await this.#exited
  }

  #commitNext(): void {
    if (this.#committing !== undefined) return
    this.#committing = this.#queue.take()
    if (this.#committing === undefined) return this.#onIdle()
    const { fields, bytes } = this.#committing
    this.#post({ kind: 'commit', at: this.#now(), fields, bytes })
  }

  #ask(question: Question): Promise<Answer> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    if (this.#questions.size >= MAX_QUESTIONS) {
      return Promise.reject(
        unavailable('Too many reads of the log are waiting. Ask again later.', 250),
      )
    }
    return new Promise((resolve, reject) => {
      this.#questions.set(question.id, (answer) => {
        if (answer instanceof ProtocolError) reject(answer)
        else resolve(answer)
      })
      this.#post(question)
    })
  }

  #receive(answer: Answer): void {
    switch (answer.kind) {
      case 'committed':
        return this.#settle((group) => group.committed(this.#epoch, answer.outcomes))
      case 'not_committed':
        return this.#settle((group) => group.failed(toProtocolError(answer.failure)))
      case 'page':
      case 'trimmed':
        return this.#answer(answer.id, answer)
      case 'failed':
        return this.#answer(answer.id, toProtocolError(answer.failure))
      case 'storage':
        return this.#storageIs(answer.full)
      default:
    }
  }

  #settle(settle: (group: Group) => void): void {
    const group = this.#committing!
    this.#committing = undefined
    this.#queue.answered(group)
    // The thread has its next commit before this one's publishers are told.
    this.#commitNext()
    settle(group)
  }

  #answer(id: number, answer: Answer | ProtocolError): void {
    const question = this.#questions.get(id)
    this.#questions.delete(id)
    question?.(answer)
  }

  #storageIs(full: boolean): void {
    this.#full = full
    this.#events.onFull?.(full)
  }

  /** The thread is gone: everything that waits, and everything to come, is `unavailable`. */
  #fail(cause: unknown): void {
    this.#refusal ??= unavailable('The log stopped working. Restart the server.', undefined, cause)
    const failure = unavailable(
      'The log stopped before it answered: try again with the same `message_id`.',
      undefined,
      cause,
    )
    this.#committing?.failed(failure)
    this.#committing = undefined
    for (let group = this.#queue.take(); group !== undefined; group = this.#queue.take()) {
      group.failed(failure)
    }
    for (const id of this.#questions.keys()) this.#answer(id, failure)
    this.#onIdle()
    if (this.#dead || this.#closing) return
    this.#dead = true
    const why = cause instanceof Error ? cause.message : 'its thread ended'
    this.#events.onDeath?.(
      new StorageError(`The log stopped working (${why}): start the server again.`, { cause }),
    )
  }

  #post(request: Request): void {
    this.#worker.postMessage(request)
  }
}

function toPage(columns: PageColumns, channel: string, epoch: string): Page {
  const { oldest, newest, more, first, fields } = columns
  const publications: Publication[] = []
  for (let i = 0; i < fields.length; i += ROW_FIELDS) {
    publications.push(toPublication(channel, first + i / ROW_FIELDS, fields, i))
  }
  return { epoch, oldest, newest, publications, more }
}

function toPublication(
  channel: string,
  offset: number,
  fields: readonly Field[],
  i: number,
): Publication {
  const [clientId, user] = [fields[i + 4], fields[i + 5]]
  return {
    type: fields[i + 1]!,
    payload: JSON.parse(fields[i + 2]!) as Publication['payload'],
    // In the order of a live delivery: both are the same bytes.
    metadata: {
      message_id: fields[i]!,
      timestamp: fields[i + 3]!,
      channel,
      ...(typeof clientId === 'string' ? { client_id: clientId } : {}),
      ...(typeof user === 'string' ? { user } : {}),
      offset,
    },
  }
}

function toProtocolError({ reason, detail }: Failure): ProtocolError {
  const cause = new Error(detail)
  if (reason === 'storage_full') return storageFull(cause)
  return unavailable(
    'The log could not answer: try again with the same `message_id`.',
    undefined,
    cause,
  )
}

function unavailable(message: string, retryAfterMs?: number, cause?: unknown): ProtocolError {
  return new ProtocolError('unavailable', message, {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause,
  })
}

function unexpected(answer: Answer): Error {
  return new Error(`The log's thread answered ${answer.kind} to another question.`)
}
