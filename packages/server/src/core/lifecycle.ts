import type { ProtocolError } from '@tidewire/protocol'
import type { Observer } from './ports/observer.ts'
import type { Session } from './session.ts'

/** What happens to the sessions of this node, and what comes with it. */
export interface LifecycleEvents {
  /** The session's user is known. Once a session; never for those of nobody in particular. */
  connected: (session: Session) => void
  /** A session that was `connected` is gone. */
  disconnected: (session: Session) => void
  /** The subscription stands; told again when the client subscribes again. */
  subscribed: (session: Session, channel: string) => void
  /** `error`: the server ended it, and why. */
  unsubscribed: (session: Session, channel: string, error?: ProtocolError) => void
}

/** Tells application code of sessions. What a listener throws reaches nobody else. */
export class Lifecycle {
  readonly #observer: Observer
  readonly #listeners: { [Event in keyof LifecycleEvents]: Set<LifecycleEvents[Event]> } = {
    connected: new Set(),
    disconnected: new Set(),
    subscribed: new Set(),
    unsubscribed: new Set(),
  }

  constructor(observer: Observer) {
    this.#observer = observer
  }

  on<Event extends keyof LifecycleEvents>(
    event: Event,
    listener: LifecycleEvents[Event],
  ): () => void {
    this.#listeners[event].add(listener)
    return () => void this.#listeners[event].delete(listener)
  }

  tell<Event extends keyof LifecycleEvents>(
    event: Event,
    ...what: Parameters<LifecycleEvents[Event]>
  ): void {
    for (const listener of this.#listeners[event]) {
      try {
        ;(listener as (...what: Parameters<LifecycleEvents[Event]>) => void)(...what)
      } catch (error) {
        this.#observer.failed(event, error)
      }
    }
  }
}
