import { addressKey } from './address-key.ts'
import { ChurnedMap, ChurnedSet } from './churned.ts'
import type { Session } from './session.ts'

/** The sessions of this node: all, those of each user, and how many each address has. */
export class Sessions {
  readonly #all = new ChurnedSet<Session>()
  /** Most users have one: a set for it would be a tenth of what a connection costs. */
  readonly #byUser = new ChurnedMap<string, Session | ChurnedSet<Session>>()
  readonly #countByAddress = new Map<string, number>()
  /** Those that have not said who they are. */
  readonly #strangers = new Set<Session>()

  /** Idempotent: a session is added again when it learns who its user is. */
  add(session: Session): void {
    if (!this.#all.has(session)) {
      this.#all.add(session)
      this.#count(session, 1)
    }
    if (session.actor === undefined) this.#strangers.add(session)
    else this.#strangers.delete(session)
    if (session.user === undefined) return
    const sessions = this.#byUser.get(session.user)
    if (sessions === undefined) this.#byUser.set(session.user, session)
    else if (sessions instanceof ChurnedSet) sessions.add(session)
    else if (sessions !== session) {
      const both = new ChurnedSet<Session>()
      both.add(sessions)
      both.add(session)
      this.#byUser.set(session.user, both)
    }
  }

  remove(session: Session): void {
    if (!this.#all.delete(session)) return
    this.#count(session, -1)
    this.#strangers.delete(session)
    if (session.user === undefined) return
    const sessions = this.#byUser.get(session.user)
    if (sessions instanceof ChurnedSet) sessions.delete(session)
    if (sessions === session || (sessions instanceof ChurnedSet && sessions.size === 0)) {
      this.#byUser.delete(session.user)
    }
  }

  get size(): number {
    return this.#all.size
  }

  get strangers(): number {
    return this.#strangers.size
  }

  /** How many connections come from an address, as `addressKey` makes it. */
  from(address: string): number {
    return this.#countByAddress.get(address) ?? 0
  }

  has(user: string): boolean {
    return this.#byUser.has(user)
  }

  /** In the order in which they became the user's. */
  of(user: string): readonly Session[] {
    const sessions = this.#byUser.get(user)
    if (sessions instanceof ChurnedSet) return [...sessions]
    return sessions === undefined ? [] : [sessions]
  }

  all(): readonly Session[] {
    return [...this.#all]
  }

  #count({ connection }: Session, by: 1 | -1): void {
    const key = addressKey(connection.address)
    const count = this.from(key) + by
    if (count === 0) this.#countByAddress.delete(key)
    else this.#countByAddress.set(key, count)
  }
}
