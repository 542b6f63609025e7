export type { Message } from './message-list.ts'
export { TidewireProvider, type TidewireProviderProps, useTidewire } from './provider.tsx'
export { useChannel, type UseChannelOptions, type UseChannelResult } from './use-channel.ts'
export { useConnection, type UseConnectionResult } from './use-connection.ts'
export { useFeed, type UseFeedResult } from './use-feed.ts'
export { useMessages } from './use-messages.ts'
export type { UseMessagesOptions, UseMessagesResult } from './use-messages-types.ts'
export {
  useNotificationPreferences,
  type UseNotificationPreferencesResult,
} from './use-notification-preferences.ts'
export { useNotifications, type UseNotificationsResult } from './use-notifications.ts'
export { usePresence, type UsePresenceResult } from './use-presence.ts'
export { usePresenceList, type UsePresenceListResult } from './use-presence-list.ts'
export { useReceipts, type UseReceiptsResult } from './use-receipts.ts'
export { useRoom, type UseRoomResult } from './use-room.ts'
export { type Found, useSearch, type UseSearchResult } from './use-search.ts'
export { useTyping, type UseTypingResult } from './use-typing.ts'
export { useUnread, type UseUnreadResult } from './use-unread.ts'
export {
  type UploadItem,
  useUpload,
  type UseUploadOptions,
  type UseUploadResult,
} from './use-upload.ts'
export { useUploadLink } from './use-upload-link.ts'
export { Tidewire, TidewireError, UnauthorizedError } from '@tidewire/client'
export type {
  Attachment,
  ChatMessage,
  Reaction,
  RoomSnapshot,
  SendOptions,
  UnreadCount,
  UnreadSnapshot,
} from '@tidewire/client/chat'
export type {
  ConnectionState,
  JsonObject,
  Position,
  Publication,
  Reset,
  SubscriptionState,
  TidewireOptions,
  TransportName,
} from '@tidewire/client'
export type { ActivityInput, FeedEntry } from '@tidewire/client/feed'
export type {
  Notification,
  NotificationPreferences,
  QuietHours,
} from '@tidewire/client/notifications'
