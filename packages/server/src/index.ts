export type { Authorize, AuthorizeRequest } from './auth/application.ts'
export {
  countKeys,
  inspectToken,
  publicKeyProblem,
  type TokenReport,
  type TokenTerms,
} from './auth/diagnostics.ts'
export { isUserId, issueToken } from './auth/jwt.ts'
export { readDevSecret, readDevServerKey } from './auth/secret.ts'
export { createServerKey } from './auth/server-keys.ts'
export { createServer, type ServerOptions } from './compose.ts'
export { namespacesOf } from './compose/features.ts'
export {
  type Config,
  CONFIG_KEYS,
  ConfigError,
  type ConfigInput,
  type ConfigKey,
  type ConfigSources,
  type FeaturesInput,
  type Policy,
  type PolicyInput,
  resolveConfig,
} from './config/resolve.ts'
export { createVapidPair, readVapidPair, type VapidPair } from './config/vapid.ts'
export type { CallResult } from './core/calls.ts'
export type { Actor } from './core/ports/actor.ts'
export { parseCapabilities } from './core/ports/capabilities.ts'
export type { Receipt } from './core/ports/broker.ts'
export type { Target } from './core/ports/revocations.ts'
export type { ServerKey } from './core/ports/server-keys.ts'
export type { Client, Frame } from './client.ts'
export { chat, type ChatOptions } from './features/chat/index.ts'
export {
  type Notification,
  type NotificationInput,
  type Notifications,
  notifications,
  type NotificationsOptions,
  type Preferences,
  type PushMessage,
  type PushOutcome,
  type PushProvider,
  type PushSubscription,
  type QuietHours,
  type Sent,
  type VapidKeys,
  type WebPushOptions,
} from './features/notifications/index.ts'
export { presence, type PresenceOptions } from './features/presence/index.ts'
export { feed, type FeedOptions } from './features/feed/index.ts'
export { type S3Options, uploads, type UploadsOptions } from './features/uploads/index.ts'
export type { Logger } from './observe/logs.ts'
export type {
  ClientEvents,
  CommandHandler,
  CommandRequest,
  Feature,
  Guard,
  GuardQuestion,
  InterceptHandler,
  Intercepted,
  PublishInput,
  MemberChange,
  MemberListener,
  RevocationListener,
  RouteAbout,
  RouteOptions,
  Services,
} from './handlers.ts'
export type { Addresses } from './parts.ts'
export type { Server } from './server.ts'
export type { RouteContext, RouteHandler } from './transports/http-api.ts'
export { fenceData } from './storage/fence.ts'
export { StorageError } from './storage/sqlite.ts'
export type { StoredServerKey } from './storage/store/server-keys.ts'
export { hasStore, openStore, type Store, type StoreOptions } from './storage/store/store.ts'
export { ProtocolError, type Publication } from '@tidewire/protocol'
