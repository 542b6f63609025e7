import { parentPort, workerData } from 'node:worker_threads'
import { errorCode, SQLITE } from './sqlite-errors.ts'
import type { Answer, Failure, Question, Request, WorkerOptions } from './sqlite-messages.ts'
import { openDatabase } from './sqlite-open.ts'
import { SqliteStore } from './sqlite-store.ts'
import { StorageError } from './storage-error.ts'

// The thread that owns the database. It answers requests in their order, except that a trim lets others pass.

const port = parentPort!
const { directory, maxBytes, now } = workerData as WorkerOptions

try {
  const { db, epoch } = openDatabase(directory, maxBytes)
  serve(new SqliteStore(db, now))
  answer({ kind: 'opened', epoch })
} catch (error) {
  if (!(error instanceof StorageError)) throw error
  answer({ kind: 'refused', message: error.message })
}

function serve(store: SqliteStore): void {
  const trims = new Map<number, Trim>()
  port.on('message', (request: Request) => {
    switch (request.kind) {
      case 'commit':
        attempt(
          () => answer({ kind: 'committed', outcomes: store.commit(request.fields, request.at) }),
          (failure) => answer({ kind: 'not_committed', failure }),
        )
        break
      case 'close':
        for (const trim of trims.values()) trim.end()
        store.close()
        port.close()
        break
      case 'read':
        ask(request.id, () => {
          answer({ kind: 'page', id: request.id, page: store.read(request.channel, request.range) })
        })
        break
      case 'trim': {
        const { id, namespace, retention, now } = request
        trims.set(id, new Trim(store.trim(namespace, retention, now), id, () => trims.delete(id)))
      }
    }
  })
}

/** A trim under way: one slice a turn, so that commits and reads come between. */
class Trim {
  readonly #slices: Generator<number>
  readonly #id: number
  readonly #onEnd: () => void
  #count = 0
  #next = setImmediate(() => this.#step())

  constructor(slices: Generator<number>, id: number, onEnd: () => void) {
    this.#slices = slices
    this.#id = id
    this.#onEnd = onEnd
  }

  /** Answers with what was trimmed so far. */
  end(): void {
    clearImmediate(this.#next)
    this.#onEnd()
    answer({ kind: 'trimmed', id: this.#id, count: this.#count })
  }

  #step(): void {
    ask(
      this.#id,
      () => {
        const slice = this.#slices.next()
        if (slice.done === true) return this.end()
        this.#count += slice.value
        this.#next = setImmediate(() => this.#step())
      },
      this.#onEnd,
    )
  }
}

function ask(id: Question['id'], work: () => void, onFailure?: () => void): void {
  attempt(work, (failure) => {
    onFailure?.()
    answer({ kind: 'failed', id, failure })
  })
}

function attempt(work: () => void, onFailure: (failure: Failure) => void): void {
  try {
    work()
  } catch (error) {
    onFailure({
      reason: errorCode(error) === SQLITE.FULL ? 'storage_full' : 'unavailable',
      detail: error instanceof Error ? error.message : String(error),
    })
  }
}

function answer(message: Answer): void {
  port.postMessage(message)
}
