import { parentPort, workerData } from 'node:worker_threads'
import type { Failure } from '../sqlite-messages.ts'
import { StorageError } from '../storage-error.ts'
import { openConnection, type StoreConnection } from './connection.ts'
import type { Answer, Outcome, Question, Request, Result, WorkerOptions } from './messages.ts'

// The thread that has the store open. It answers requests in their order.

/** How often it looks whether another process wrote. */
const LOOK_MS = 500
/** How soon nothing is left of what was deleted. */
const ERASE_MS = 1000
const NOTHING: Result = { rows: [], changes: 0 }

const port = parentPort!
const { directory } = workerData as WorkerOptions

try {
  serve(openConnection(directory))
  answer({ kind: 'opened' })
} catch (error) {
  if (!(error instanceof StorageError)) throw error
  answer({ kind: 'refused', message: error.message })
}

function serve(connection: StoreConnection): void {
  const look = setInterval(() => {
    if (connection.hasChanged()) answer({ kind: 'changed' })
  }, LOOK_MS)
  look.unref()
  const erase = setInterval(() => connection.erase(), ERASE_MS)
  erase.unref()
  port.on('message', (request: Request) => {
    if (request.kind === 'close') {
      clearInterval(look)
      clearInterval(erase)
      connection.close()
      port.close()
      return
    }
    answer({ kind: 'answered', id: request.id, outcomes: execute(connection, request) })
    if (connection.unsure !== undefined) throw connection.unsure
  })
}

function execute(connection: StoreConnection, question: Question): Outcome[] {
  switch (question.kind) {
    case 'run':
      return connection.run(question.statements)
    case 'begin':
      return [outcomeOf(connection.begin())]
    case 'commit':
      return [outcomeOf(connection.commit())]
    default:
      connection.rollback()
      return [NOTHING]
  }
}

function outcomeOf(failure: Failure | undefined): Outcome {
  return failure ?? NOTHING
}

function answer(message: Answer): void {
  port.postMessage(message)
}
