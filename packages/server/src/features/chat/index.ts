import type { Feature } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { DIRECT, ROOMS } from './channels.ts'
import { Membership } from './membership.ts'
import { Notices } from './notices.ts'
import { OnTheWay } from './on-the-way.ts'
import { Projection } from './projection.ts'
import { Publishing } from './publishing.ts'
import { Receipts } from './receipts.ts'
import { Rooms } from './rooms.ts'
import { RoomRoutes } from './routes.ts'
import { type ChatTables, MIGRATIONS } from './tables.ts'
import { Talks } from './talks.ts'
import { TypingIndicators } from './typing.ts'

export interface ChatOptions {
  /** Milliseconds after which typing ends by itself. Default 5,000. */
  typingMs?: number
}

/**
 * Rooms (`chat:<room>`) and direct talks (`dm:<a>,<b>`) of PROTOCOL.md §6. Both need a log: `setup` throws where the
 * configuration gives one of them the durability `none`.
 */
export function chat({ typingMs = 5_000 }: ChatOptions = {}): Feature {
  let projection: Projection | undefined
  let stopNotices = async (): Promise<void> => undefined
  const ends: (() => void)[] = []
  return {
    name: 'chat',
    async setup(server) {
      addNamespaces(server)
      const database = await server.tables<ChatTables>('chat', MIGRATIONS)
      const notices = new Notices(server, database)
      projection = new Projection(server, database, notices)
      const talks = new Talks(database)
      const rooms = new Rooms(server, database)
      const membership = new Membership({ server, projection, talks, rooms })
      const receipts = new Receipts({ server, projection, talks, membership })
      const onTheWay = new OnTheWay(server.clock)
      const publishing = new Publishing({ server, projection, talks, rooms, onTheWay })
      const typing = new TypingIndicators(server, typingMs)
      server.guard(ROOMS, rooms.guard)
      server.guard(DIRECT, rooms.guardDirect)
      for (const namespace of [ROOMS, DIRECT]) server.intercept(namespace, publishing.intercept)
      server.command('join_room', membership.join)
      server.command('leave_room', membership.leave)
      server.command('typing_start', typing.start)
      server.command('typing_stop', typing.stop)
      server.command('mark_read', receipts.markRead)
      server.command('unread_get', receipts.unreadGet)
      new RoomRoutes({ server, projection, talks, rooms, membership, receipts }).add()
      for (const namespace of [ROOMS, DIRECT]) {
        ends.push(
          server.subscribe(`${namespace}:*`, (publication) => {
            typing.said(publication)
            const { channel, message_id } = publication.metadata
            if (publication.type === 'message') onTheWay.over(channel, message_id)
          }),
        )
      }
      ends.push(membership.watch())
      ends.push(server.watchMembers(ROOMS, (change) => typing.left(change)))
      ends.push(() => typing.close())
      ends.push(() => onTheWay.close())
      stopNotices = () => notices.close()
    },
    start() {
      projection?.start()
    },
    async close() {
      for (const end of ends) end()
      await projection?.close()
      await stopNotices()
    },
  }
}

/** What it brings where the configuration has none of that name. */
export const CHAT_NAMESPACES = {
  [ROOMS]: { durability: 'durable', publish: 'user', subscribe: 'user' },
  [DIRECT]: { durability: 'durable', publish: 'owner', subscribe: 'owner' },
} as const

function addNamespaces(server: Server): void {
  for (const [namespace, policy] of Object.entries(CHAT_NAMESPACES)) {
    if (!server.hasNamespace(namespace)) server.namespace(namespace, policy)
    if (server.policyOf(namespace)?.durability !== 'none') continue
    throw new Error(
      `Chat needs a log: give \`namespaces.${namespace}.durability\` memory or durable.`,
    )
  }
}
