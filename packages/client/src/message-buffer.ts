import { TidewireError } from './errors.ts'

const DONE = { done: true, value: undefined } as const

/** Values pushed on one side, iterated on the other, with at most `limit` in between. */
export class MessageBuffer<Value> implements AsyncIterableIterator<Value, undefined> {
  readonly #limit: number
  readonly #onEnd: () => void
  #values: Value[] = []
  #readers: {
    resolve: (result: IteratorResult<Value, undefined>) => void
    reject: (error: unknown) => void
  }[] = []
  #ended = false
  #error: TidewireError | undefined

  /** `onEnd` is called once, when nothing more is wanted. */
  constructor(limit: number, onEnd: () => void) {
    this.#limit = limit
    this.#onEnd = onEnd
  }

  push(value: Value): void {
    if (this.#ended) return
    const reader = this.#readers.shift()
    if (reader !== undefined) reader.resolve({ done: false, value })
    else if (this.#values.length < this.#limit) this.#values.push(value)
    else {
      this.end(
        new TidewireError(
          'buffer_overflow',
          `More than ${this.#limit} publications waited to be read. Read faster, raise limit, or resume from the position of the last one.`,
        ),
      )
    }
  }

  /** What is buffered can still be read; then comes the end, or `error`. */
  end(error?: TidewireError): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    this.#onEnd()
    for (const { resolve, reject } of this.#readers.splice(0)) {
      if (error === undefined) resolve(DONE)
      else reject(error)
    }
  }

  next(): Promise<IteratorResult<Value, undefined>> {
    if (this.#values.length > 0) {
      return Promise.resolve({ done: false, value: this.#values.shift() as Value })
    }
    const error = this.#error
    this.#error = undefined
    if (error !== undefined) return Promise.reject(error)
    if (this.#ended) return Promise.resolve(DONE)
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
  }

  return(): Promise<IteratorResult<Value, undefined>> {
    this.#values = []
    this.end()
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
