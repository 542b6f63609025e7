import type { JsonObject } from '@tidewire/protocol'
import type { Server } from '../../server.ts'

/** Publications of one look. */
const PAGE = 500
/** Users whose logs are looked through together. */
const USERS_AT_ONCE = 100
/** By how much the clock may have been set back since a notification was made. */
const SLACK_MS = 60_000

/** What the logs `user:<id>` still bring of notifications that were delivered. */
export class UserLogs {
  readonly #server: Server
  /** By user: the last change of the log. Two at once would undo each other in a batch that holds both. */
  readonly #changing = new Map<string, Promise<unknown>>()

  constructor(server: Server) {
    this.#server = server
  }

  /** Takes the text of the notification, made at `since`, out of history and recovery of these users. Its place stays. */
  async clear(id: string, users: readonly string[], since: number): Promise<void> {
    if (this.#server.policyOf('user')?.durability === 'none') return
    for (let i = 0; i < users.length; i += USERS_AT_ONCE) {
      const some = users.slice(i, i + USERS_AT_ONCE)
      await Promise.all(some.map((user) => this.#inTurn(user, () => this.#clear(id, user, since))))
    }
  }

  async #inTurn(user: string, change: () => Promise<void>): Promise<void> {
    const changed = Promise.allSettled([this.#changing.get(user)]).then(change)
    this.#changing.set(user, changed)
    try {
      await changed
    } finally {
      if (this.#changing.get(user) === changed) this.#changing.delete(user)
    }
  }

  /** An inbox is told of a notification after it was made, and of one that it dropped and got again once more: reads on from then. */
  async #clear(id: string, user: string, since: number): Promise<void> {
    const channel = `user:${user}`
    let after = (await this.#firstSince(channel, since - SLACK_MS)) - 1
    for (;;) {
      const { epoch, publications, more } = await this.#server.history(channel, {
        after,
        limit: PAGE,
      })
      for (const { type, payload, metadata } of publications) {
        const cleared = clearedFrame(type, payload, id)
        if (cleared === undefined) continue
        await this.#server.replace(channel, { epoch, offset: metadata.offset! }, cleared)
      }
      const last = publications.at(-1)
      if (!more || last === undefined) return
      after = last.metadata.offset!
    }
  }

  /** Halves the log until a page is left, which begins at this offset: nothing before it is from `time` or later. */
  async #firstSince(channel: string, time: number): Promise<number> {
    const start = new Date(time).toISOString()
    let { oldest: low, newest: high } = await this.#server.history(channel, { limit: 1 })
    while (high - low > PAGE) {
      const middle = Math.floor((low + high) / 2)
      const { publications } = await this.#server.history(channel, { after: middle - 1, limit: 1 })
      const [found] = publications
      if (found === undefined || found.metadata.timestamp >= start) high = middle
      else low = middle + 1
    }
    return low
  }
}

export function withoutBody<T extends { body?: unknown }>(notification: T): Omit<T, 'body'> {
  const { body: _, ...rest } = notification
  return rest
}

/** The payload without the text of that notification; undefined when it has no such text. */
function clearedFrame(type: string, payload: JsonObject, id: string): JsonObject | undefined {
  const isIt = (one: unknown): boolean => isObject(one) && one['id'] === id && 'body' in one
  if (type === 'notification') return isIt(payload) ? withoutBody(payload) : undefined
  const { groups } = payload
  if (type !== 'notifications_batch' || !isObject(groups)) return undefined
  const kinds = Object.entries(groups)
  if (!kinds.some(([, group]) => Array.isArray(group) && group.some(isIt))) return undefined
  const cleared = kinds.map(([kind, group]) => [
    kind,
    Array.isArray(group)
      ? group.map((one) => (isIt(one) ? withoutBody(one as JsonObject) : one))
      : group,
  ])
  return { ...payload, groups: Object.fromEntries(cleared) as JsonObject }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
