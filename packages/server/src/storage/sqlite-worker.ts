import { parentPort, workerData } from 'node:worker_threads'
import type { GenerationFile } from './generation.ts'
import { Space } from './space.ts'
import { isFailedSync, isRefusedWrite, toFailure } from './sqlite-errors.ts'
import type {
  Answer,
  Commit,
  Failure,
  Outcome,
  Question,
  Request,
  WorkerOptions,
} from './sqlite-messages.ts'
import { openDatabase } from './sqlite-open.ts'
import { SqliteStore } from './sqlite-store.ts'
import { StorageError } from './storage-error.ts'
import { WriteAheadLog } from './write-ahead-log.ts'

// The thread that owns the database. It answers requests in their order, except that a trim lets others pass.

const port = parentPort!
const { directory, minFreeBytes, maxBytes, now } = workerData as WorkerOptions

try {
  const { db, path, life, interrupted } = openDatabase(directory, maxBytes)
  const writeAheadLog = new WriteAheadLog(db, path, interrupted)
  const store = new SqliteStore(db, now, () => writeAheadLog.erasing())
  const onChange = (full: boolean): void => answer({ kind: 'storage', full })
  const space = new Space({ db, path, writeAheadLog, minFreeBytes, maxBytes, onChange })
  serve({ store, space, writeAheadLog, generation: life.file })
  answer({ kind: 'opened', epoch: life.epoch, fenced: life.fenced, full: space.full })
} catch (error) {
  if (!(error instanceof StorageError)) throw error
  answer({ kind: 'refused', message: error.message })
}

interface Parts {
  store: SqliteStore
  space: Space
  writeAheadLog: WriteAheadLog
  generation: GenerationFile
}

function serve(parts: Parts): void {
  const { store, space, writeAheadLog, generation } = parts
  const trims = new Map<number, Trim>()
  port.on('message', (request: Request) => {
    switch (request.kind) {
      case 'commit':
        commit(request, parts)
        break
      case 'close':
        for (const trim of trims.values()) trim.end()
        space.close()
        writeAheadLog.close()
        generation.close()
        port.close()
        break
      case 'read':
        ask(request.id, () => {
          answer({ kind: 'page', id: request.id, page: store.read(request.channel, request.range) })
        })
        break
      case 'trim': {
        const { id, namespace, retention, now } = request
        const slices = store.trim(namespace, retention, now, (work) => {
          const done = space.makingRoom(work)
          space.trimmed()
          return done
        })
        const onEnd = (): void => {
          trims.delete(id)
          space.retry()
        }
        trims.set(id, new Trim(slices, id, onEnd))
      }
    }
  })
}

function commit(request: Commit, parts: Parts): void {
  try {
    answer({ kind: 'committed', outcomes: outcomesOf(request, parts) })
  } catch (error) {
    answer({ kind: 'not_committed', failure: toFailure(error) })
    if (isFailedSync(error)) throw error
  }
}

function outcomesOf({ fields, at, bytes }: Commit, { store, space, generation }: Parts): Outcome[] {
  try {
    if (space.admits(bytes)) {
      const outcomes = store.commit(fields, at)
      generation.mark(store.rows)
      return outcomes
    }
  } catch (error) {
    if (!isRefusedWrite(error)) throw error
    space.refused()
  }
  return store.commitWithoutRoom(fields, at, (work) => space.makingRoom(work))
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
    onFailure(toFailure(error))
  }
}

function answer(message: Answer): void {
  port.postMessage(message)
}
