import type { Feature } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { Desk, type NotificationsOptions } from './desk.ts'
import { addCommands, addRoutes } from './routes.ts'
import type { NotificationInput, Preferences, Sent } from './types.ts'

export type { NotificationsOptions } from './desk.ts'
export type { PushMessage, PushOutcome, PushProvider, PushSubscription } from './push/provider.ts'
export type { VapidKeys, WebPushOptions } from './push/web-push.ts'
export type { Notification, NotificationInput, Preferences, QuietHours, Sent } from './types.ts'

/** What applications hold: pass it to `createServer({ features })`, and send when the server listens. */
export interface Notifications extends Feature {
  /**
   * Puts a notification into the inboxes of the users, at most 10,000 at once, tells those who listen, and pushes to who
   * does not look. Resolves when it is kept: neither a crash nor a closed page loses it.
   *
   * Rejects with `ProtocolError`: `bad_envelope` or `message_too_large` for what cannot be sent, `conflict` for an `id`
   * of another one, `unavailable` or `storage_full` when nobody got it.
   */
  send(users: string | readonly string[], notification: NotificationInput): Promise<Sent>
  preferences(user: string): Promise<Preferences>
}

/**
 * What it brings where the configuration has none of that name: everybody reads a channel of their own. The inbox is what
 * lasts, so its log need not.
 */
export const NOTIFICATION_NAMESPACES = {
  user: {
    durability: 'memory',
    publish: 'server',
    subscribe: 'owner',
    history: 'owner',
    presence: 'owner',
  },
} as const

/** Inboxes: kept, delivered live on `user:<id>`, and pushed. For one server. */
export function notifications(options: NotificationsOptions = {}): Notifications {
  let desk: Desk | undefined
  const open = (): Desk => {
    if (desk === undefined) throw new Error('Send notifications when the server listens.')
    return desk
  }
  return {
    name: 'notifications',
    async setup(server) {
      if (desk !== undefined) throw new Error('Make notifications() anew for each server.')
      if (!server.hasNamespace('user')) server.namespace('user', NOTIFICATION_NAMESPACES.user)
      desk = await Desk.open(server, options)
      addRoutes(server, desk)
      addCommands(server, desk)
      welcomeClients(server, desk)
      const kept = desk
      server.provide('notify', (users, notification) =>
        kept.send(users, notification, { expendable: true }),
      )
      server.provide('clearNotification', (id) => kept.clear(id))
    },
    close: () => desk?.close(),
    async send(users, notification) {
      return open().send(typeof users === 'string' ? [users] : users, notification)
    },
    async preferences(user) {
      return open().preferences.get(user)
    },
  }
}

function welcomeClients(server: Server, desk: Desk): void {
  server.on('subscribed', (client, channel) => {
    const { user } = client
    if (user === undefined || channel !== `user:${user}`) return
    desk.welcome(client, user).catch((error: unknown) => {
      server.failed('notifications.welcome', error)
    })
  })
}
