import { Worker } from 'node:worker_threads'
import { StorageError } from './storage-error.ts'

export interface DatabaseThreadOptions {
  /** Shown by debuggers. */
  name: string
  /** The module of the thread without its extension, which is the caller's. */
  module: (extension: string) => URL
  workerData: unknown
  /** For the sentence of a failure: `The log in /data`. */
  what: string
}

/** Each thread has more to say in it. */
interface Opened {
  kind: 'opened'
}
type FirstAnswer = Opened | { kind: 'refused'; message: string }

/**
 * Starts a thread that opens a database and says `opened`, or `refused` and why. Rejects with `StorageError`. In the turn in
 * which it resolves nothing of the worker is missed.
 */
export function startDatabaseThread({
  name,
  module,
  workerData,
  what,
}: DatabaseThreadOptions): Promise<{ worker: Worker; opened: Opened }> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(module(extension), {
    name,
    // Not those of the process, which may be for another entry point. The warning is Node 22's, about its SQLite.
    execArgv: ['--disable-warning=ExperimentalWarning'],
    workerData,
  })
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      const detail = error instanceof Error ? error.message : 'its thread ended'
      reject(new StorageError(`${what} could not be opened: ${detail}.`))
    }
    worker.once('error', fail)
    worker.once('exit', fail)
    const onAnswer = (answer: FirstAnswer | { kind?: undefined }): void => {
      // `node --watch` has messages of its own.
      if (answer.kind !== 'opened' && answer.kind !== 'refused') return
      worker.off('error', fail).off('exit', fail).off('message', onAnswer)
      if (answer.kind === 'refused') reject(new StorageError(answer.message))
      else resolve({ worker, opened: answer })
    }
    worker.on('message', onAnswer)
  })
}
