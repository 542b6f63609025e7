import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import type { Feature, Intercepted } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { FanOut, feedOwner } from './fan-out.ts'
import { Graph } from './graph.ts'
import { Journal, KEPT } from './journal.ts'
import { Reader } from './reader.ts'
import { addCommands, addRoutes } from './routes.ts'
import { ActivityInput, check, toPayload } from './schemas.ts'
import { type FeedTables, MIGRATIONS } from './tables.ts'

export interface FeedOptions {
  /** Up to so many followers get what a user says handed to them; those of more fetch it when they read. Default 1,000. */
  threshold?: number
  /** How many users one may follow. Default 5,000. */
  maxFollowing?: number
}

/** What it brings where the configuration has none of that name. */
export const FEED_NAMESPACES = {
  feed: {
    durability: 'durable',
    publish: 'owner',
    subscribe: 'owner',
    retention: { max_entries: KEPT },
  },
} as const

/** Feeds: what those whom one follows did, on `feed:<user>` and at `/v1/feeds/{user}`. For one server. */
export function feed({ threshold = 1_000, maxFollowing = 5_000 }: FeedOptions = {}): Feature {
  let fanOut: FanOut | undefined
  return {
    name: 'feed',
    async setup(server) {
      if (fanOut !== undefined) throw new Error('Make feed() anew for each server.')
      if (!server.hasNamespace('feed')) server.namespace('feed', FEED_NAMESPACES.feed)
      const database = await server.tables<FeedTables>('feed', MIGRATIONS)
      const graph = new Graph(database, maxFollowing)
      const journal = new Journal(database, threshold, () => server.newId())
      fanOut = new FanOut({ server, journal, graph })
      const parts = { graph, reader: new Reader(database), fanOut }
      server.intercept('feed', (publication) => place(publication, server, journal, parts.fanOut))
      addCommands(server, parts)
      addRoutes(server, parts)
    },
    start: () => fanOut?.start(),
    close: () => fanOut?.close(),
  }
}

/** Gives an activity its place in the order of all, before the log has it. */
async function place(
  { channel, type, payload, message_id, user, fromServer }: Intercepted,
  server: Server,
  journal: Journal,
  fanOut: FanOut,
): Promise<JsonObject | undefined> {
  if (fanOut.isCopy(channel, message_id)) return undefined
  const author = feedOwner(channel)
  if (author === undefined) {
    throw new ProtocolError('bad_envelope', 'The channel is no feed: it is `feed:<user>`.')
  }
  if (type !== 'activity') {
    throw new ProtocolError('bad_envelope', 'A feed takes events of the type `activity` alone.')
  }
  if (user !== author && !(fromServer && user === undefined)) {
    throw new ProtocolError('forbidden', 'You may speak in your own feed alone.')
  }
  const input = check(ActivityInput, payload)
  return toPayload(await journal.intend({ author, message_id, at: server.clock.now(), input }))
}
