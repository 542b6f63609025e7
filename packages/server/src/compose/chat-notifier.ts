import type { Publication } from '@tidewire/protocol'
import type { Notifications } from '../features/notifications/index.ts'
import type { Feature } from '../handlers.ts'
import type { Server } from '../server.ts'

const MAX_BODY = 300

interface Told {
  users: string[]
  kind: 'mention' | 'direct'
  title: string
}

/**
 * Where both chat and notifications run: who is mentioned in a room, or written to in a direct talk, finds it in the inbox.
 * A message that was said just before a crash may be told there to nobody; its unread counts are right all the same.
 */
export function chatNotifier(notifications: Notifications): Feature {
  const ends: (() => void)[] = []
  return {
    name: 'chat-notifier',
    setup(server) {
      for (const pattern of ['chat:*', 'dm:*']) {
        ends.push(
          server.subscribe(pattern, (publication) => tell(server, notifications, publication)),
        )
      }
    },
    close() {
      for (const end of ends) end()
    },
  }
}

async function tell(
  server: Server,
  notifications: Notifications,
  { type, payload, metadata }: Publication,
): Promise<void> {
  const { user, channel, message_id } = metadata
  if (type !== 'message' || user === undefined) return
  const { users, kind, title } = toldOf(user, channel, payload['mentions'])
  // What somebody may not read is not told to them, whoever mentions them.
  const readers = await asyncFilter(users, (it) => server.permits(it, 'history', channel))
  if (readers.length === 0) return
  const body = typeof payload['content'] === 'string' ? payload['content'].slice(0, MAX_BODY) : ''
  await notifications.send(readers, {
    // Told twice, it is one.
    id: `message-${message_id}`,
    kind,
    title,
    body,
    data: { user, channel, message_id },
  })
}

function toldOf(user: string, channel: string, mentions: unknown): Told {
  const rest = channel.slice(channel.indexOf(':') + 1)
  if (channel.startsWith('dm:')) {
    const users = rest.split(',').filter((other) => other !== user)
    return { users, kind: 'direct', title: `${user} wrote to you` }
  }
  const users = (Array.isArray(mentions) ? mentions : []).map(String)
  return {
    users: users.filter((other) => other !== user),
    kind: 'mention',
    title: `${user} mentioned you in #${rest}`,
  }
}

async function asyncFilter(
  users: readonly string[],
  keeps: (user: string) => Promise<boolean>,
): Promise<string[]> {
  const kept = await Promise.all(users.map(keeps))
  return users.filter((_, i) => kept[i])
}
