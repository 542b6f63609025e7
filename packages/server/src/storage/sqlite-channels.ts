import type { Places } from './places.ts'
import type { Statements } from './sqlite-statements.ts'

/** What is known of a channel: its row, and the highest offset it ever gave. */
export interface Channel {
  readonly id: number
  trimmed: number
  deleted: number
  top: number
}

/** Channels whose state is kept in memory; that of others is read again when it is needed. */
const MAX_CACHED = 100_000

/** The channels of the log by name. */
export class Channels {
  readonly #sql: Statements
  readonly #places: Places
  readonly #cached = new Map<string, Channel>()

  constructor(sql: Statements, places: Places) {
    this.#sql = sql
    this.#places = places
  }

  find(name: string): Channel | undefined {
    const cached = this.#cached.get(name)
    if (cached !== undefined) return cached
    const row = this.#sql.findChannel.get(name)
    if (row === undefined) return undefined
    const [id, trimmed] = [row['id'] as number, row['trimmed'] as number]
    return this.#cache(name, {
      id,
      trimmed,
      deleted: row['deleted'] as number,
      top: Math.max(this.#places.top(id), trimmed),
    })
  }

  create(name: string): Channel {
    const id = Number(this.#sql.createChannel.run(name).lastInsertRowid)
    return this.#cache(name, { id, trimmed: 0, deleted: 0, top: 0 })
  }

  /** Forgets what ran ahead of the database. */
  clear(): void {
    this.#cached.clear()
  }

  #cache(name: string, channel: Channel): Channel {
    if (this.#cached.size >= MAX_CACHED) {
      for (const first of this.#cached.keys()) {
        this.#cached.delete(first)
        break
      }
    }
    this.#cached.set(name, channel)
    return channel
  }
}
