import { ProtocolError, type Publication } from '@tidewire/protocol'
import { directUsers } from './channels.ts'
import type { ChatDatabase } from './tables.ts'

/** Channels whose state is remembered. */
const MAX_CHANNELS = 50_000

/** How far the tables are with a channel. */
export interface Followed {
  readonly name: string
  /** Of `chat_channels`; undefined as long as nothing of the channel is in the tables. */
  id: number | undefined
  epoch: string | undefined
  /** The tables have everything up to this offset. */
  seen: number
  /** The lowest offset that the log held at the last look. */
  oldest: number
  /** What came since. */
  queue: Publication[]
  /** The log has more than what came, or may have: it is read first. */
  behind: boolean
  /** Is being entered into the tables. */
  inRound: boolean
  /** Those who want to know when the tables have everything. */
  waiting: Waiting[]
}

export interface Waiting {
  resolve: () => void
  reject: (error: unknown) => void
}

export function reject(waiting: readonly Waiting[], error: unknown): void {
  for (const { reject } of waiting) reject(error)
}

export function unavailable(cause: unknown): ProtocolError {
  return new ProtocolError('unavailable', 'The talk could not be looked up. Try again.', { cause })
}

/** The channels that are followed, those used lately at least: the others are read from the tables again. */
export class FollowedChannels {
  readonly #database: ChatDatabase
  readonly #isBusy: (channel: Followed) => boolean
  readonly #byName = new Map<string, Followed>()
  readonly #opening = new Map<string, Promise<Followed>>()

  /** `isBusy`: there is work to do with it, so it may not be forgotten. */
  constructor(database: ChatDatabase, isBusy: (channel: Followed) => boolean) {
    this.#database = database
    this.#isBusy = isBusy
  }

  get(name: string): Followed | undefined {
    return this.#byName.get(name)
  }

  all(): Iterable<Followed> {
    return this.#byName.values()
  }

  /** As `get`, or behind its log when it was not used lately. */
  async open(name: string): Promise<Followed> {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    let opening = this.#opening.get(name)
    if (opening === undefined) {
      opening = this.#read(name).finally(() => this.#opening.delete(name))
      this.#opening.set(name, opening)
    }
    return opening
  }

  /** Gives the channel its row, and a direct talk its two users. */
  async enter(channel: Followed): Promise<number> {
    const { name } = channel
    const { id } = await this.#database
      .insertInto('chat_channels')
      .values({ channel: name, seen: 0, oldest: 1 })
      .onConflict((conflict) => conflict.column('channel').doUpdateSet({ channel: name }))
      .returning('id')
      .executeTakeFirstOrThrow()
    for (const user of directUsers(name) ?? []) {
      await this.#database
        .insertInto('chat_directs')
        .values({ user, channel: id })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    }
    channel.id = id
    return id
  }

  async #read(name: string): Promise<Followed> {
    const row = await this.#database
      .selectFrom('chat_channels')
      .select(['id', 'epoch', 'seen', 'oldest'])
      .where('channel', '=', name)
      .executeTakeFirst()
    const { id, epoch, seen = 0, oldest = 1 } = row ?? {}
    const channel: Followed = {
      name,
      id,
      epoch: epoch ?? undefined,
      seen,
      oldest,
      queue: [],
      behind: true,
      inRound: false,
      waiting: [],
    }
    // A crash may have come between the two.
    if (id !== undefined && directUsers(name) !== undefined) {
      await this.enter(channel)
    }
    this.#remember(channel)
    return channel
  }

  #remember(channel: Followed): void {
    this.#byName.set(channel.name, channel)
    if (this.#byName.size <= MAX_CHANNELS) return
    for (const [name, other] of this.#byName) {
      if (other === channel || this.#isBusy(other)) continue
      this.#byName.delete(name)
      return
    }
  }
}
