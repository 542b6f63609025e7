import { TidewireError } from './errors.ts'
import type { ListenerOptions } from './types.ts'

type Listener<Value> = (value: Value) => void

/** Where the exceptions of listeners go: they never reach the transport. */
export type ReportError = (error: TidewireError) => void

/** Listeners of one kind of event. A listener that throws does not keep the others from hearing it. */
export class Emitter<Value> {
  readonly #listeners = new Set<{ fn: Listener<Value> }>()
  readonly #report: ReportError

  constructor(report: ReportError) {
    this.#report = report
  }

  get size(): number {
    return this.#listeners.size
  }

  /** The same function may be added twice; each return value removes its own. */
  on(fn: Listener<Value>, { signal }: ListenerOptions = {}): () => void {
    if (signal?.aborted) return () => undefined
    const entry = { fn }
    this.#listeners.add(entry)
    const off = (): void => {
      this.#listeners.delete(entry)
      signal?.removeEventListener('abort', off)
    }
    signal?.addEventListener('abort', off)
    return off
  }

  emit(value: Value): void {
    for (const { fn } of this.#listeners) {
      try {
        fn(value)
      } catch (cause) {
        this.#report(
          new TidewireError('listener_failed', 'A listener threw an exception.', { cause }),
        )
      }
    }
  }
}

/** The last resort for an error that nobody listens for: the console, as an uncaught exception would. */
export function reportUnheard(error: TidewireError): void {
  console.error(error)
}
