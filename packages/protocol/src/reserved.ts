/**
 * The types that no application event may have (PROTOCOL.md §3–§6). The publishes of §6 (`message`, `reaction` …)
 * are events like any other and are not in it. The names of features that this server does not run are: a client
 * that sends one is told `unknown_type` instead of being taken for a publisher.
 */
export const RESERVED: ReadonlySet<string> = new Set([
  // §3
  'connection_established',
  'auth',
  'auth_response',
  'refresh',
  'auth_expiring',
  'ping',
  'pong',
  'server_shutdown',
  // §4
  'subscribe',
  'subscribed',
  'unsubscribe',
  'unsubscribed',
  'ack',
  'history',
  'reset',
  'call',
  'result',
  'error',
  // §5
  'presence_enter',
  'presence_update',
  'presence_leave',
  'presence_get',
  'presence_state',
  'status_get',
  'status_state',
  'status_watch',
  'status_update',
  // §6
  'join_room',
  'room_joined',
  'leave_room',
  'room_left',
  'user_joined',
  'user_left',
  'typing_start',
  'typing_stop',
  'mark_read',
  'read_receipt',
  'unread_get',
  'unread_state',
  'unread_count',
  'notification',
  'notifications_batch',
  'notifications_list',
  'notifications_mark_read',
  'follow',
  'unfollow',
])

/** Whether `type` is a word of the protocol, so that a frame of that type is not a publish. */
export function isReserved(type: string): boolean {
  return RESERVED.has(type)
}
