import type { Publication } from '@tidewire/protocol'
import type { Observer } from './ports/observer.ts'

export type Listener = (publication: Publication) => void | Promise<void>

/** Server-side subscriptions: application code that listens to channels, or to all that begin alike. */
export class Taps {
  readonly #observer: Observer
  readonly #exact = new Map<string, Set<Listener>>()
  readonly #prefixes = new Map<string, Set<Listener>>()
  /** How many listeners there are to channels of a namespace. */
  readonly #namespaces = new Map<string, number>()

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
    const namespace = key.slice(0, key.indexOf(':'))
    if (!listeners.has(listener)) this.#count(namespace, 1)
    map.set(key, listeners.add(listener))
    return () => {
      if (!listeners.delete(listener)) return
      this.#count(namespace, -1)
      if (listeners.size === 0) map.delete(key)
    }
  }

  /** Whether somebody listens to channels of the namespace. */
  wants(namespace: string): boolean {
    return this.#namespaces.has(namespace)
  }

  deliver(channel: string, publications: readonly Publication[]): void {
    const listeners = [...(this.#exact.get(channel) ?? [])]
    for (const [prefix, others] of this.#prefixes) {
      if (channel.startsWith(prefix)) listeners.push(...others)
    }
    for (const publication of publications) {
      for (const listener of listeners) this.#call(listener, publication)
    }
  }

  #count(namespace: string, change: 1 | -1): void {
    const count = (this.#namespaces.get(namespace) ?? 0) + change
    if (count === 0) this.#namespaces.delete(namespace)
    else this.#namespaces.set(namespace, count)
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
