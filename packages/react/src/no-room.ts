import type { RoomSnapshot } from '@tidewire/client/chat'

/** What is seen of no room, and of every room on a server. */
export const NO_ROOM: RoomSnapshot = {
  status: 'left',
  error: undefined,
  messages: [],
  loading: false,
  loadingMore: false,
  hasMore: false,
  members: [],
  memberCount: 0,
  typing: [],
  receipts: {},
  lastRead: 0,
  unread: 0,
}
