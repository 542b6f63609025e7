import type { FrameLimits, Json, JsonObject } from '@tidewire/protocol'
import type { Notification } from './types.ts'

/** Of a frame, for what is around the notifications: envelope, metadata, names of groups. */
const SPARE_BYTES = 1024
const SPARE_KEYS = 40
/** `unread`, or the beginning of a group. */
const MAX_GROUP_BYTES = 80

/** How many of them, from the first on, fit into one frame; at least one. */
export function countThatFit(notifications: readonly Notification[], limits: FrameLimits): number {
  let bytes = limits.max_frame_bytes - SPARE_BYTES
  let keys = limits.max_keys - SPARE_KEYS
  const end = notifications.findIndex((notification) => {
    bytes -= bytesOf(notification)
    keys -= keysOf(notification as unknown as JsonObject) + 1
    return bytes < 0 || keys < 0
  })
  return end < 0 ? notifications.length : Math.max(1, end)
}

/** Whether one alone fits into a frame. */
export function fits(notification: Notification, limits: FrameLimits): boolean {
  const bytes = bytesOf(notification)
  const keys = keysOf(notification as unknown as JsonObject) + 1
  return bytes <= limits.max_frame_bytes - SPARE_BYTES && keys <= limits.max_keys - SPARE_KEYS
}

/** By kind, in the order in which they come. */
export function grouped(notifications: readonly Notification[]): JsonObject {
  const groups = new Map<string, Notification[]>()
  for (const notification of notifications) {
    const group = groups.get(notification.kind)
    if (group === undefined) groups.set(notification.kind, [notification])
    else group.push(notification)
  }
  return Object.fromEntries(groups) as unknown as JsonObject
}

/** With its place in `order`, at most. */
function bytesOf(notification: Notification): number {
  const { id } = notification
  const place = Buffer.byteLength(JSON.stringify(id)) + 1
  return Buffer.byteLength(JSON.stringify(notification)) + MAX_GROUP_BYTES + place
}

function keysOf(node: Json): number {
  if (typeof node !== 'object' || node === null) return 0
  const values = Object.values(node)
  const own = Array.isArray(node) ? 0 : values.length
  return values.reduce<number>((sum, value) => sum + keysOf(value), own)
}
