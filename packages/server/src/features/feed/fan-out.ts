import { ProtocolError, type Publication } from '@tidewire/protocol'
import type { Server } from '../../server.ts'
import type { Graph } from './graph.ts'
import type { Delivery, Journal } from './journal.ts'
import { type Activity, fromPayload, toPayload } from './schemas.ts'

/** Publishes that are under way at once. */
const AT_ONCE = 256
/** Activities that are confirmed in one transaction. */
const CONFIRM_AT_ONCE = 64
/** Activities that wait in memory; those beyond are found in the store. */
const MAX_WAITING = 10_000
const SWEEP_MS = 30_000
/** After this long without a word of the log, it is asked. */
const OVERDUE_MS = 60_000
const SWEPT_AT_ONCE = 100
/** Publications of a channel that are looked through at once for one that may be there. */
const LOOK_BACK = 500
/** Users who are asked about in one statement. */
const ONLINE_AT_ONCE = 500
/** A feed is pruned when its channel has so many more. */
const PRUNE_EVERY = 100

/** What a look into a channel found; `unknown`: not among those above `before`, and there are others. */
type Look = { found: true | false } | { found: 'unknown'; before: number }

type Confirmed = Parameters<Journal['confirm']>[0][number]

export interface FanOutOptions {
  server: Server
  journal: Journal
  graph: Graph
}

/**
 * Brings every activity to the feeds of its author's followers. One at a time: confirm what the log has, then hand out a
 * batch of entries, then write down that they are out. After a crash only the batch behind that mark can be out already,
 * and its channels are asked.
 */
export class FanOut {
  readonly #server: Server
  readonly #journal: Journal
  readonly #graph: Graph
  #confirmed: Confirmed[] = []
  /** Those who wait until there are none. */
  #settling: (() => void)[] = []
  /** Copies on their way, as `channel id`: what `isCopy` knows them by. */
  readonly #copies = new Set<string>()
  /** Users who listen to their feeds now. */
  readonly #online = new Set<string>()
  /** Entries of the batch under way that are out for sure. */
  readonly #out = new Set<number>()
  /** Whether what is undelivered may be out already. */
  #unsure = true
  readonly #rounds: ReturnType<Server['rounds']>
  /** Where to go on in the channels of what was not found yet, by id. */
  #looked = new Map<string, number>()
  #closed = false
  #cancelSweep: () => void = () => undefined

  constructor({ server, journal, graph }: FanOutOptions) {
    this.#server = server
    this.#journal = journal
    this.#graph = graph
    this.#rounds = server.rounds('feed', () => this.#run())
  }

  /** Whether this publication is one of the copies that are handed out here. */
  isCopy(channel: string, messageId: string): boolean {
    return this.#copies.has(`${channel} ${messageId}`)
  }

  /** Goes on where an earlier life ended. Resolves when what was said then has its place. */
  async start(): Promise<void> {
    this.#server.on('subscribed', (client, channel) => {
      const user = feedOwner(channel)
      if (user !== undefined) this.#online.add(user)
    })
    this.#server.on('unsubscribed', (_, channel) => {
      const user = feedOwner(channel)
      if (user !== undefined && this.#server.subscribers(channel) === 0) this.#online.delete(user)
    })
    for (;;) {
      const swept = await this.#sweep(Number.MAX_SAFE_INTEGER)
      if (swept < SWEPT_AT_ONCE && this.#looked.size === 0) break
    }
    this.#server.subscribe('feed:*', (publication) => this.#hear(publication))
    this.#sweepLater()
    this.#rounds.kick()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelSweep()
    await this.#rounds.close()
    this.#settle()
  }

  /** Resolves when everything that the log had when this was called is in the feeds of the store, or cannot get there. */
  settled(): Promise<void> {
    if (this.#confirmed.length === 0 || this.#closed) return Promise.resolve()
    this.#rounds.kick()
    return new Promise((resolve) => this.#settling.push(resolve))
  }

  #hear({ type, payload, metadata }: Publication): void {
    if (type !== 'activity') return
    const activity = fromPayload(payload)
    const { channel, message_id, offset = 0 } = metadata
    if (activity === undefined) return
    if (offset % PRUNE_EVERY === 0) this.#prune(channel)
    if (channel !== `feed:${activity.actor}`) return
    if (this.#confirmed.length < MAX_WAITING) this.#confirmed.push({ activity, message_id })
    this.#rounds.kick()
  }

  #prune(channel: string): void {
    this.#journal
      .prune(channel.slice('feed:'.length))
      .catch((error: unknown) => this.#server.failed('feed', error))
  }

  async #run(): Promise<void> {
    try {
      while (!this.#closed) {
        await this.#confirmSome()
        const deliveries = await this.#journal.undelivered(AT_ONCE)
        if (deliveries.length > 0) await this.#deliver(deliveries)
        else if (this.#confirmed.length === 0) break
      }
    } catch (error) {
      this.#unsure = true
      throw error
    } finally {
      this.#settle()
    }
  }

  #settle(): void {
    for (const resolve of this.#settling.splice(0)) resolve()
  }

  async #confirmSome(): Promise<void> {
    const some = this.#confirmed.slice(0, CONFIRM_AT_ONCE)
    if (some.length === 0) return
    const pulled = await this.#journal.confirm(some)
    this.#confirmed = this.#confirmed.slice(some.length)
    if (this.#confirmed.length === 0) this.#settle()
    for (const activity of pulled) await this.#tell(activity)
  }

  async #deliver(deliveries: readonly Delivery[]): Promise<void> {
    const results = await Promise.allSettled(deliveries.map((delivery) => this.#copy(delivery)))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    await this.#journal.delivered(deliveries.at(-1)!.n)
    this.#out.clear()
    this.#unsure = false
  }

  /** Publishes one copy. The channel knows the activity by its id: a repeat is none. */
  async #copy({ n, user, activity }: Delivery): Promise<void> {
    if (activity === undefined || this.#out.has(n)) return
    const channel = `feed:${user}`
    const { id, actor } = activity
    if (this.#unsure && (await this.#look(channel, id)).found === true) {
      return void this.#out.add(n)
    }
    const key = `${channel} ${id}`
    this.#copies.add(key)
    try {
      const message = {
        type: 'activity',
        payload: toPayload(activity),
        message_id: id,
        user: actor,
      }
      await this.#server.publish(channel, message)
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.temporary) throw error
      // Nothing mends it: it must not hold up the others.
      this.#server.failed('feed', error)
    } finally {
      this.#copies.delete(key)
    }
    this.#out.add(n)
  }

  /** Who follows somebody with very many followers and listens now is told; nothing of it is in their channels. */
  async #tell(activity: Activity): Promise<void> {
    const online = [...this.#online]
    const frame = { type: 'activity', payload: toPayload(activity) }
    for (let i = 0; i < online.length; i += ONLINE_AT_ONCE) {
      const some = online.slice(i, i + ONLINE_AT_ONCE)
      for (const user of await this.#graph.seers(activity.actor, activity.seq, some)) {
        this.#server.signal(`feed:${user}`, frame)
      }
    }
  }

  /** Asks the log about what was said and never confirmed. How many there were. */
  async #sweep(before: number): Promise<number> {
    const intended = await this.#journal.intended(before, SWEPT_AT_ONCE)
    const published: Confirmed[] = []
    const looked = new Map<string, number>()
    for (const said of intended) {
      const { id, actor } = said.activity
      const look = await this.#look(`feed:${actor}`, id, this.#looked.get(id))
      // Nobody may forget what may have been acknowledged: the next sweep goes on with it.
      if (look.found === 'unknown') looked.set(id, look.before)
      else if (look.found) published.push(said)
      else await this.#journal.forget(id)
    }
    this.#looked = looked
    if (published.length > 0) await this.#journal.confirm(published)
    return intended.length
  }

  #sweepLater(): void {
    const { clock } = this.#server
    this.#cancelSweep = clock.after(SWEEP_MS, () => {
      this.#sweep(clock.now() - OVERDUE_MS)
        .then(() => this.#rounds.kick())
        .catch((error: unknown) => this.#server.failed('feed', error))
        .finally(() => this.#closed || this.#sweepLater())
    })
  }

  async #look(channel: string, id: string, from = Number.MAX_SAFE_INTEGER): Promise<Look> {
    let before = from
    for (let looked = 0; looked < LOOK_BACK;) {
      const { publications, more } = await this.#server.history(channel, { before, limit: 100 })
      if (publications.some(({ payload }) => payload['id'] === id)) return { found: true }
      before = publications[0]?.metadata.offset ?? 0
      if (!more) return { found: false }
      looked += publications.length
    }
    return { found: 'unknown', before }
  }
}

/** Undefined for a channel that is no feed. */
export function feedOwner(channel: string): string | undefined {
  const [, user] = /^feed:([A-Za-z0-9_.@-]{1,128})$/.exec(channel) ?? []
  return user
}
