import type { JsonObject } from '@tidewire/protocol'
import type { Tidewire } from './client.ts'
import { askHttp } from './http.ts'
import type { ListenerOptions } from './types.ts'

/** What reaches a user, as the wire has it. */
export interface NotificationPreferences {
  /** Kinds that do not come into the inbox at all. */
  readonly off: readonly string[]
  /** Within them what comes is kept and delivered live, but not pushed. */
  readonly quiet_hours: QuietHours | null
}

/** By the clock on the wall of the time zone; `to` may lie on the next day. */
export interface QuietHours {
  /** `HH:MM`, the first minute of quiet. */
  readonly from: string
  /** `HH:MM`, the first minute after it. */
  readonly to: string
  /** IANA name, such as `Europe/Berlin`. */
  readonly time_zone: string
}

const PATH = '/v1/notifications/preferences'

/** Those of the client's user. */
export async function notificationPreferences(
  client: Tidewire,
  options: ListenerOptions = {},
): Promise<NotificationPreferences> {
  return (await askHttp(client, 'GET', PATH, options)) as NotificationPreferences
}

/** Replaces all of them. Rejects with `bad_envelope` that names the field. */
export async function setNotificationPreferences(
  client: Tidewire,
  preferences: NotificationPreferences,
  options: ListenerOptions = {},
): Promise<NotificationPreferences> {
  const body = { ...preferences } as unknown as JsonObject
  return (await askHttp(client, 'PUT', PATH, { ...options, body })) as NotificationPreferences
}
