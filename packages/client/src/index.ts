export type { Envelope, JsonObject, Position, Publication } from '@tidewire/protocol'
export { Channel } from './channel.ts'
export { Tidewire } from './client.ts'
export { type LocalErrorCode, TidewireError, UnauthorizedError } from './errors.ts'
export { newMessageId } from './message-id.ts'
export type {
  AnyEvents,
  BackoffOptions,
  ConnectionState,
  DisconnectReason,
  EventMap,
  EventsOf,
  HistoryOptions,
  HistoryPage,
  ListenerOptions,
  MessagesOptions,
  PublicationOf,
  Published,
  PublishOptions,
  Reset,
  StateChange,
  Subscribed,
  SubscribeOptions,
  SubscriptionState,
  TidewireOptions,
  TokenContext,
  TransportName,
  WebSocketConstructor,
} from './types.ts'
export type { WaitOptions } from './wait.ts'
