import {
  type Config,
  ConfigError,
  type FeatureName,
  type Features,
  type Policy,
  type PolicyInput,
  resolvePolicy,
} from '../config/resolve.ts'
import { readVapidPair } from '../config/vapid.ts'
import { chat, CHAT_NAMESPACES } from '../features/chat/index.ts'
import { feed, FEED_NAMESPACES } from '../features/feed/index.ts'
import {
  NOTIFICATION_NAMESPACES,
  notifications,
  type NotificationsOptions,
} from '../features/notifications/index.ts'
import { presence } from '../features/presence/index.ts'
import { uploads } from '../features/uploads/index.ts'
import type { Feature } from '../handlers.ts'

type Options<Name extends FeatureName> = NonNullable<Features[Name]>

const FACTORIES: { readonly [Name in FeatureName]: (options: Options<Name>) => Feature } = {
  presence: ({ grace_ms, max_members, revalidate_ms }) =>
    presence(set({ graceMs: grace_ms, maxMembers: max_members, revalidateMs: revalidate_ms })),
  chat: ({ typing_ms }) => chat(set({ typingMs: typing_ms })),
  notifications: ({ keep, keep_days, burst, unread_after_ms, web_push }) =>
    notifications({
      keep,
      keepDays: keep_days,
      burst: set({ windowMs: burst.window_ms, max: burst.max }),
      unreadAfterMs: unread_after_ms,
      webPush: webPushOf(web_push),
    }),
  feed: ({ threshold, max_following }) => feed(set({ threshold, maxFollowing: max_following })),
  uploads: ({ store, s3, quota, max_bytes, types, link_ttl_ms }) =>
    uploads({
      ...set({ maxBytes: max_bytes, types, linkTtlMs: link_ttl_ms }),
      quota: set(quota),
      ...(store === 's3' ? { s3: bucketOf(s3) } : {}),
    }),
}

const BROUGHT: { readonly [Name in FeatureName]?: Readonly<Record<string, PolicyInput>> } = {
  chat: CHAT_NAMESPACES,
  notifications: NOTIFICATION_NAMESPACES,
  feed: FEED_NAMESPACES,
}

/** The namespaces of a server with this configuration: its own, and those that its features bring beside them. */
export function namespacesOf({
  namespaces,
  features,
}: Pick<Config, 'namespaces' | 'features'>): Record<string, Policy> {
  const brought = (Object.keys(features) as FeatureName[]).flatMap((name) =>
    Object.entries(BROUGHT[name] ?? {}),
  )
  const missing = brought.filter(([name]) => !Object.hasOwn(namespaces, name))
  return {
    ...namespaces,
    ...Object.fromEntries(missing.map(([name, policy]) => [name, resolvePolicy(name, policy)])),
  }
}

/** The features of the configuration, and those that the application made itself, which replace them. Throws `ConfigError`. */
export function featuresOf(configured: Features, made: readonly Feature[]): readonly Feature[] {
  const own = new Set(made.map(({ name }) => name))
  const names = (Object.keys(configured) as FeatureName[]).filter((name) => !own.has(name))
  return [...names.map((name) => featureOf(name, configured)), ...made]
}

function featureOf(name: FeatureName, configured: Features): Feature {
  // Of the same name, which the compiler cannot tell.
  const make: (options: never) => Feature = FACTORIES[name]
  return make(configured[name] as never)
}

function webPushOf({
  enabled,
  subject,
  hosts,
  public_key,
  private_key,
  key_file,
}: Options<'notifications'>['web_push']): NotificationsOptions['webPush'] {
  if (!enabled) return false
  const pair =
    key_file === undefined
      ? public_key && private_key && { public_key, private_key }
      : readPair(key_file)
  return {
    ...set({ subject, hosts }),
    ...(pair ? { keys: { publicKey: pair.public_key, privateKey: pair.private_key } } : {}),
  }
}

function readPair(path: string): ReturnType<typeof readVapidPair> {
  try {
    return readVapidPair(path)
  } catch (cause) {
    const why = (cause as Error).message
    throw new ConfigError(`\`features.notifications.web_push.key_file\`: ${why}.`, { cause })
  }
}

/** All that it needs is there: the configuration was checked. */
function bucketOf({
  endpoint = '',
  bucket = '',
  region,
  access_key_id: accessKeyId = '',
  secret_access_key: secretAccessKey = '',
}: Options<'uploads'>['s3']) {
  return { endpoint, bucket, accessKeyId, secretAccessKey, ...set({ region }) }
}

/** Without the options that are not set. */
function set<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
