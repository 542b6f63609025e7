import type { Session } from './session.ts'

/** The sessions of this node, and those of each user. */
export class Sessions {
  readonly #all = new Set<Session>()
  readonly #byUser = new Map<string, Set<Session>>()

  /** Idempotent: a session is added again when it learns who its user is. */
  add(session: Session): void {
    this.#all.add(session)
    if (session.user === undefined) return
    const sessions = this.#byUser.get(session.user)
    if (sessions === undefined) this.#byUser.set(session.user, new Set([session]))
    else sessions.add(session)
  }

  remove(session: Session): void {
    this.#all.delete(session)
    if (session.user === undefined) return
    const sessions = this.#byUser.get(session.user)
    if (sessions?.delete(session) && sessions.size === 0) this.#byUser.delete(session.user)
  }

  get size(): number {
    return this.#all.size
  }

  of(user: string): readonly Session[] {
    return [...(this.#byUser.get(user) ?? [])]
  }

  all(): readonly Session[] {
    return [...this.#all]
  }
}
