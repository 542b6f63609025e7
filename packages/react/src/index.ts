export type { Message } from './message-list.ts'
export { TidewireProvider, type TidewireProviderProps, useTidewire } from './provider.tsx'
export { useChannel, type UseChannelOptions, type UseChannelResult } from './use-channel.ts'
export { useConnection, type UseConnectionResult } from './use-connection.ts'
export { useMessages } from './use-messages.ts'
export type { UseMessagesOptions, UseMessagesResult } from './use-messages-types.ts'
export { Tidewire, TidewireError, UnauthorizedError } from '@tidewire/client'
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
