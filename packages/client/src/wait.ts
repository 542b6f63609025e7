import { TidewireError } from './errors.ts'

/** How a promise of the public API may end early. */
export interface WaitOptions {
  signal?: AbortSignal | undefined
  /** Milliseconds. */
  timeout?: number | undefined
}

/**
 * A promise with its handles, which `signal` and `timeout` reject. `onEarly` is called then, so that whoever would
 * settle it later can forget it.
 */
export class Wait<Value> {
  readonly promise: Promise<Value>
  #resolve!: (value: Value) => void
  #reject!: (error: TidewireError) => void
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #signal: AbortSignal | undefined
  readonly #onEarly: () => void
  readonly #what: string

  constructor(what: string, { signal, timeout }: WaitOptions, onEarly: () => void) {
    this.#what = what
    this.#signal = signal
    this.#onEarly = onEarly
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    signal?.addEventListener('abort', this.#aborted)
    if (timeout !== undefined) this.#timer = setTimeout(this.#timedOut, timeout)
  }

  resolve(value: Value): void {
    this.#end()
    this.#resolve(value)
  }

  reject(error: TidewireError): void {
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#aborted)
  }

  readonly #aborted = (): void => {
    this.reject(abortError(this.#what, this.#signal))
    this.#onEarly()
  }

  readonly #timedOut = (): void => {
    this.reject(new TidewireError('timeout', `${this.#what} took too long.`, { temporary: true }))
    this.#onEarly()
  }
}

export function abortError(what: string, signal: AbortSignal | undefined): TidewireError {
  return new TidewireError('aborted', `${what} was aborted.`, { cause: signal?.reason as unknown })
}
