import type { Publication } from '@tidewire/protocol'
import type { Observer } from './ports/observer.ts'

export type Listener = (publication: Publication) => void | Promise<void>

/** Server-side subscriptions: application code that listens to channels, or to all that begin alike. */
export class Taps {
  readonly #observer: Observer
  readonly #exact = new Map<string, Set<Listener>>()
  readonly #prefixes = new Map<string, Set<Listener>>()

  constructor(observer: Observer) {
    this.#observer = observer
  }

  /** `orders:42`, or with one `*` at the end `orders:*`. The result removes the listener. */
  add(pattern: string, listener: Listener): () => void {
    const isPrefix = pattern.endsWith('*')
    const key = isPrefix ? pattern.slice(0, -1) : pattern
    if (!key.includes(':') || key.includes('*')) {
      throw new Error(`\`${pattern}\` is neither a channel nor a pattern such as \`orders:*\`.`)
    }
    const map = isPrefix ? this.#prefixes : this.#exact
    const listeners = map.get(key) ?? new Set()
    map.set(key, listeners.add(listener))
    return () => {
      if (listeners.delete(listener) && listeners.size === 0) map.delete(key)
    }
  }

  /** Whether somebody listens to channels of the namespace. */
  wants(namespace: string): boolean {
    const prefix = `${namespace}:`
    return [...this.#exact.keys(), ...this.#prefixes.keys()].some((key) => key.startsWith(prefix))
  }

  deliver(channel: string, publications: readonly Publication[]): void {
    if (this.#exact.size === 0 && this.#prefixes.size === 0) return
    const listeners = [...(this.#exact.get(channel) ?? [])]
    for (const [prefix, others] of this.#prefixes) {
      if (channel.startsWith(prefix)) listeners.push(...others)
    }
    for (const publication of publications) {
      for (const listener of listeners) this.#call(listener, publication)
    }
  }

  #call(listener: Listener, publication: Publication): void {
    try {
      const done = listener(publication)
      if (done instanceof Promise) {
        done.catch((error: unknown) => this.#observer.failed('subscriber', error))
      }
    } catch (error) {
      this.#observer.failed('subscriber', error)
    }
  }
}
