import type { JsonObject } from '@tidewire/protocol'

/** One entry of an inbox, as the wire has it. */
export interface Notification {
  id: string
  /** What it is about, such as `order.confirmed`: users turn kinds off, and bursts are grouped by it. */
  kind: string
  title: string
  body?: string
  data?: JsonObject
  /** ISO 8601, UTC, milliseconds. */
  created_at: string
  read: boolean
}

export type { NotificationInput } from '../../handlers.ts'

export interface Sent {
  id: string
  /** How many inboxes it came into: not those of users who turned its kind off, or have it already. */
  users: number
}

/** A page of an inbox, newest first. */
export interface Page {
  notifications: Notification[]
  /** There are older ones. */
  more: boolean
  /** Unread ones in the whole inbox. */
  unread: number
}

export interface Preferences {
  /** Kinds that do not come into the inbox at all. */
  off: string[]
  /** Within them what comes is kept and delivered live, but not pushed. */
  quiet_hours: QuietHours | null
}

/** By the clock on the wall of the time zone; `to` may lie on the next day. */
export interface QuietHours {
  /** `HH:MM`, the first minute of quiet. */
  from: string
  /** `HH:MM`, the first minute after it. */
  to: string
  /** IANA name, such as `Europe/Berlin`. */
  time_zone: string
}
