import type { JsonObject } from '@tidewire/protocol'
import type { Member } from './roster.ts'

export interface Change {
  action: 'enter' | 'update' | 'leave'
  user: string
  data: JsonObject
  /** Milliseconds since 1970. */
  at: number
}

interface Pending {
  /** What was told of the member. Undefined: that there is none. */
  readonly told: JsonObject | undefined
  /** How many lists had been asked for when it changed first. */
  readonly lists: number
  /** The last data that the member had before it changed again. */
  last: JsonObject | undefined
  at: number
}

/** What a change costs beside its data, in bytes. */
const CHANGE_BYTES = 512

/**
 * What changed in a channel since it was told: one entry a user, however often it changed. Who went and came back
 * meanwhile did not change, unless somebody was given a list in between, which may show what nobody was told.
 */
export class Changes {
  readonly #pending = new Map<string, Pending>()
  #lists = 0

  get size(): number {
    return this.#pending.size
  }

  /** `before`: the data that the member had until now. */
  note(user: string, before: JsonObject | undefined, at: number): void {
    const pending = this.#pending.get(user)
    if (pending === undefined) {
      this.#pending.set(user, { told: before, lists: this.#lists, last: before, at })
      return
    }
    pending.at = at
    pending.last = before ?? pending.last
  }

  /** Somebody is given the members as they are now. */
  listed(): void {
    this.#lists += 1
  }

  /** Takes changes out, the oldest first, of `maxBytes` in all or a single one. */
  take(maxBytes: number, memberOf: (user: string) => Member | undefined): Change[] {
    const changes: Change[] = []
    let bytes = 0
    for (const [user, pending] of this.#pending) {
      const change = this.#changeOf(user, pending, memberOf(user))
      if (change !== undefined) {
        bytes += CHANGE_BYTES + 3 * JSON.stringify(change.data).length
        if (bytes > maxBytes && changes.length > 0) return changes
        changes.push(change)
      }
      this.#pending.delete(user)
    }
    return changes
  }

  #changeOf(
    user: string,
    { told, lists, last, at }: Pending,
    member: Member | undefined,
  ): Change | undefined {
    const shown = lists !== this.#lists
    if (member === undefined) {
      if (told === undefined && !shown) return undefined
      return { action: 'leave', user, data: last ?? {}, at }
    }
    const { data } = member
    if (told === undefined) return { action: 'enter', user, data, at }
    if (!shown && JSON.stringify(told) === JSON.stringify(data)) return undefined
    return { action: 'update', user, data, at }
  }
}
