/**
 * Something that runs while anyone uses it: starts with the first user and stops `lingerMs` after the last one
 * left, so that an unmount that is followed by a mount (StrictMode, a change of page) goes unnoticed.
 */
export class Lease {
  readonly #start: () => () => void
  readonly #lingerMs: number
  #users = 0
  #stop: (() => void) | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(start: () => () => void, lingerMs: number) {
    this.#start = start
    this.#lingerMs = lingerMs
  }

  /** Somebody uses it right now; it may also be lingering. */
  get inUse(): boolean {
    return this.#users > 0
  }

  /** Returns the release; calling it again does nothing. */
  acquire(): () => void {
    this.#users += 1
    clearTimeout(this.#timer)
    this.#stop ??= this.#start()
    let released = false
    return () => {
      if (released) return
      released = true
      this.#users -= 1
      if (this.#users === 0) this.#timer = setTimeout(() => this.#end(), this.#lingerMs)
    }
  }

  #end(): void {
    const stop = this.#stop
    // Before it is called: what stops may start anew.
    this.#stop = undefined
    stop?.()
  }
}
