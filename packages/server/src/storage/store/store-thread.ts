import { ProtocolError } from '@tidewire/protocol'
import type { Worker } from 'node:worker_threads'
import { storageFull } from '../append-queue.ts'
import { startDatabaseThread } from '../database-thread.ts'
import type { Failure } from '../sqlite-messages.ts'
import { StorageError } from '../storage-error.ts'
import {
  type Answer,
  isFailure,
  type Outcome,
  type Question,
  type Request,
  type Result,
  type Statement,
  type WorkerOptions,
} from './messages.ts'

/** Statements and transactions that wait for their turn; more are refused. */
const MAX_WAITING = 10_000
/** Statements that share a message, and a sync of the disk. */
const MAX_BATCH = 500

export interface StoreEvents {
  /** Another process wrote to the database. */
  onChanged: () => void
  /** The thread is gone, and with it the store: only a new start brings it back. */
  onDeath: (error: StorageError) => void
}

/** Whose statements belong together: a connection of the database layer. */
export type Party = object

interface Waiting {
  party: Party
  /** Absent: the beginning of a transaction. */
  statement?: Statement
  resolve: (result: Result) => void
  reject: (error: ProtocolError) => void
}

/** Starts the thread that opens the store in `directory`. Rejects with `StorageError`. */
export async function startStoreThread(
  directory: string,
  events: StoreEvents,
): Promise<StoreThread> {
  const workerData: WorkerOptions = { directory }
  const { worker } = await startDatabaseThread({
    name: 'tidewire-store',
    module: (extension) => new URL(`./store-worker.${extension}`, import.meta.url),
    workerData,
    what: `The store in ${directory}`,
  })
  return new StoreThread(worker, events)
}

/**
 * Statements on their way to the thread of the store. What comes up in one turn, or while a message is under way, is one
 * message and one commit. While a party has a transaction, all others wait.
 */
export class StoreThread {
  readonly #worker: Worker
  readonly #events: StoreEvents
  readonly #exited: Promise<void>
  readonly #waiting: Waiting[] = []
  readonly #asked = new Map<number, (answer: readonly Outcome[] | ProtocolError) => void>()
  #lastId = 0
  #scheduled = false
  /** A batch, or the beginning of a transaction, is under way. */
  #busy = false
  /** Whose transaction is open. */
  #owner: Party | undefined
  /** Why nothing more is accepted. */
  #refusal: ProtocolError | undefined
  #dead = false
  #closing = false
  #closed: Promise<void> | undefined
  #onIdle: () => void = () => undefined

  constructor(worker: Worker, events: StoreEvents) {
    this.#worker = worker
    this.#events = events
    worker.on('message', (answer: Answer) => this.#receive(answer))
    worker.on('error', (error) => this.#fail(error))
    worker.on('exit', () => this.#fail(undefined))
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve()))
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Rejects with `unavailable` or `storage_full`. */
  run(party: Party, statement: Statement): Promise<Result> {
    if (party !== this.#owner) return this.#wait({ party, statement })
    return this.#ask({ kind: 'run', id: ++this.#lastId, statements: [statement] })
  }

  async begin(party: Party): Promise<void> {
    await this.#wait({ party })
  }

  /** Rejects when nothing of the transaction was written. It has ended either way. */
  async end(party: Party, how: 'commit' | 'rollback'): Promise<void> {
    if (party !== this.#owner) return
    try {
      await this.#ask({ kind: how, id: ++this.#lastId })
    } finally {
      this.#owner = undefined
      this.#next()
    }
  }

  /** Resolves when everything that was accepted is answered and the thread is gone. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#refusal ??= unavailable('The store is closed: the server is stopping.')
    if (this.#waiting.length > 0 || this.#busy || this.#owner !== undefined) {
      await new Promise<void>((resolve) => (this.#onIdle = resolve))
    }
    this.#closing = true
    this.#post({ kind: 'close' })
    await this.#exited
  }

  #wait(what: Pick<Waiting, 'party' | 'statement'>): Promise<Result> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    if (this.#waiting.length >= MAX_WAITING) {
      const error = unavailable('The store does not keep up. Try again a little later.', 250)
      return Promise.reject(error)
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...what, resolve, reject })
      this.#schedule()
    })
  }

  /** After everything that is readable in this turn was read. */
  #schedule(): void {
    if (this.#scheduled || this.#busy || this.#owner !== undefined) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#next()
    })
  }

  #next(): void {
    if (this.#busy || this.#owner !== undefined) return
    const [head] = this.#waiting
    if (head === undefined) return this.#onIdle()
    this.#busy = true
    if (head.statement === undefined) this.#beginFor(head)
    else this.#runBatch()
  }

  #beginFor(waiting: Waiting): void {
    this.#waiting.shift()
    this.#ask({ kind: 'begin', id: ++this.#lastId }).then(
      (result) => {
        this.#busy = false
        this.#owner = waiting.party
        waiting.resolve(result)
      },
      (error: ProtocolError) => {
        this.#busy = false
        waiting.reject(error)
        this.#next()
      },
    )
  }

  #runBatch(): void {
    const begin = this.#waiting.findIndex(({ statement }) => statement === undefined)
    const batch = this.#waiting.splice(0, Math.min(MAX_BATCH, begin < 0 ? Infinity : begin))
    const statements = batch.map(({ statement }) => statement!)
    const id = ++this.#lastId
    this.#asked.set(id, (answer) => {
      this.#busy = false
      // The thread has its next message before those who asked are told.
      this.#next()
      for (const [i, waiting] of batch.entries()) {
        const outcome = answer instanceof ProtocolError ? answer : answer[i]!
        if (outcome instanceof ProtocolError) waiting.reject(outcome)
        else settle(outcome, waiting)
      }
    })
    this.#post({ kind: 'run', id, statements })
  }

  #ask(question: Question): Promise<Result> {
    if (this.#dead) return Promise.reject(this.#refusal!)
    return new Promise((resolve, reject) => {
      this.#asked.set(question.id, (answer) => {
        if (answer instanceof ProtocolError) reject(answer)
        else settle(answer[0]!, { resolve, reject })
      })
      this.#post(question)
    })
  }

  #receive(answer: Answer): void {
    if (answer.kind === 'changed') this.#events.onChanged()
    if (answer.kind !== 'answered') return
    const asked = this.#asked.get(answer.id)
    this.#asked.delete(answer.id)
    asked?.(answer.outcomes)
  }

  /** The thread is gone: everything that waits, and everything to come, is `unavailable`. */
  #fail(cause: unknown): void {
    if (this.#dead) return
    this.#dead = true
    const error = unavailable('The store stopped working. Restart the server.', undefined, cause)
    this.#refusal = error
    const asked = [...this.#asked.values()]
    this.#asked.clear()
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    for (const settleWith of asked) settleWith(error)
    this.#onIdle()
    if (this.#closing) return
    const why = cause instanceof Error ? cause.message : 'its thread ended'
    this.#events.onDeath(
      new StorageError(`The store stopped working (${why}): start the server again.`, { cause }),
    )
  }

  #post(request: Request): void {
    this.#worker.postMessage(request)
  }
}

function settle(outcome: Outcome, { resolve, reject }: Pick<Waiting, 'resolve' | 'reject'>): void {
  if (isFailure(outcome)) reject(toProtocolError(outcome))
  else resolve(outcome)
}

function toProtocolError({ reason, detail }: Failure): ProtocolError {
  const cause = new Error(detail)
  if (reason === 'storage_full') return storageFull(cause)
  return unavailable('The store could not answer. Try again a little later.', undefined, cause)
}

function unavailable(message: string, retryAfterMs?: number, cause?: unknown): ProtocolError {
  return new ProtocolError('unavailable', message, {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause,
  })
}
