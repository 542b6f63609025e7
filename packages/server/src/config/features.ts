import { z } from 'zod'
import { flag, httpUrl, key, oneOf, path, section, text, whole } from './keys.ts'
import { parseList } from './lists.ts'
import { isVapidPair } from './vapid.ts'

/** The features that come with the server. */
export const FEATURES = ['presence', 'chat', 'notifications', 'feed', 'uploads'] as const

export type FeatureName = (typeof FEATURES)[number]

const DAY_MS = 24 * 3_600_000
const LIST = FEATURES.join(', ')
const GROUP_ERROR = `must be a list of ${LIST}, or a group of them with their options`
const PUSH_HOST_ERROR = 'must be a host name, or `*.` and one'

const asIs = (value: string): string => value

const presence = section({
  grace_ms: key(
    whole(0, 3_600_000).exactOptional(),
    'Milliseconds that a user stays present after the last client was lost; 15000 when not set.',
  ),
  max_members: key(
    whole(1, 1e7).exactOptional(),
    'Users that may be present in a channel; 100000 when not set.',
  ),
  revalidate_ms: key(
    whole(100, 3_600_000).exactOptional(),
    'Milliseconds between two looks at whether who is told of presence still may be; 30000 when not set.',
  ),
})

const chat = section({
  typing_ms: key(
    whole(100, 600_000).exactOptional(),
    'Milliseconds after which typing ends by itself; 5000 when not set.',
  ),
})

const webPush = section({
  enabled: key(flag().default(true), 'Whether browsers are pushed what their users do not read.'),
  subject: key(
    text('must be a mailto: or https: address', /^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/)
      .max(256, { error: 'must be at most 256 characters' })
      .exactOptional(),
    'Whom a push service asks when something is wrong: mailto:ops@example.com.',
  ),
  public_key: key(
    text('must be a public key of `tidewire webpush keys`', /^[\w-]{87}$/).exactOptional(),
    'What browsers subscribe with. Without keys a pair is made, and kept in data.',
  ),
  private_key: key(
    text('must be a private key of `tidewire webpush keys`', /^[\w-]{43}$/).exactOptional(),
    'The key that belongs to it.',
    { secret: true, parse: asIs },
  ),
  key_file: key(
    path().exactOptional(),
    'Instead of both: a file of `tidewire webpush keys --file`.',
  ),
  hosts: key(
    z
      .array(text(PUSH_HOST_ERROR, /^(\*\.)?[a-z0-9.-]{1,253}$/), {
        error: 'must be a list of host names',
      })
      .exactOptional(),
    'Hosts of push services; those of Chrome, Firefox, Safari and Edge when not set.',
    { parse: parseList },
  ),
})

const notifications = section({
  keep: key(whole(1, 1e6).exactOptional(), 'Notifications kept of a user; 1000 when not set.'),
  keep_days: key(whole(1, 36_500).exactOptional(), 'Days they are kept; 90 when not set.'),
  burst: section({
    window_ms: key(
      whole(0, 60_000).exactOptional(),
      'Milliseconds within which what comes after a frame is one frame; 1000 when not set.',
    ),
    max: key(whole(1, 1000).exactOptional(), 'Notifications in such a frame; 50 when not set.'),
  }).prefault({}),
  unread_after_ms: key(
    whole(0, DAY_MS).exactOptional(),
    'Milliseconds that a connected user gets to read before it is pushed; 30000 when not set.',
  ),
  web_push: webPush.prefault({}),
})

const feed = section({
  threshold: key(
    whole(0, 1e6).exactOptional(),
    'Followers up to whom activities are handed out; those of authors with more are fetched. 1000 when not set.',
  ),
  max_following: key(
    whole(1, 1e6).exactOptional(),
    'How many users one may follow; 5000 when not set.',
  ),
})

const uploads = section({
  store: key(oneOf(['disk', 's3']).default('disk'), 'Where files are: in data, or in a bucket.'),
  max_bytes: key(
    whole(1, 5 * 2 ** 30).exactOptional(),
    'Bytes of one file; 10485760 when not set.',
  ),
  quota: section({
    bytes: key(
      whole(1, 1e15).exactOptional(),
      'Bytes that one user may keep; 1073741824 when not set.',
    ),
    files: key(whole(1, 1e9).exactOptional(), 'Files that one user may keep; 10000 when not set.'),
  }).prefault({}),
  types: key(
    z
      .array(text('must be a type such as image/png', /^[a-z]+\/[a-z0-9.+-]{1,100}$/), {
        error: 'must be a list of types',
      })
      .nonempty({ error: 'must name a type' })
      .exactOptional(),
    'Types that are taken; PNG, JPEG, GIF, WebP, PDF, ZIP and plain text when not set.',
    { parse: parseList },
  ),
  link_ttl_ms: key(
    whole(1000, DAY_MS).exactOptional(),
    'Milliseconds that a link for `<img>` holds; 300000 when not set.',
  ),
  s3: section({
    endpoint: key(
      httpUrl().exactOptional(),
      'Address of the store: https://s3.eu-central-1.amazonaws.com.',
    ),
    bucket: key(
      text('must be the name of a bucket', /^[A-Za-z0-9._-]{3,63}$/).exactOptional(),
      'Bucket that holds the files.',
    ),
    region: key(
      text('must be a region such as eu-central-1', /^[a-z0-9-]{1,64}$/).exactOptional(),
      'Its region; us-east-1 when not set.',
    ),
    access_key_id: key(
      text('must be 1 to 128 characters without blanks', /^[\x21-\x7e]{1,128}$/).exactOptional(),
      'Id of the key it is used with.',
      { parse: asIs },
    ),
    secret_access_key: key(
      text('must be 1 to 256 characters without blanks', /^[\x21-\x7e]{1,256}$/).exactOptional(),
      'The key.',
      { secret: true, parse: asIs },
    ),
  }).prefault({}),
})

const groups = {
  presence: presence.exactOptional(),
  chat: chat.exactOptional(),
  notifications: notifications.exactOptional(),
  feed: feed.exactOptional(),
  uploads: uploads.exactOptional(),
}

/** Those that run, with their options. */
export const featuresSection = key(
  z
    .strictObject(groups, {
      error: (issue) => (issue.code === 'invalid_type' ? GROUP_ERROR : undefined),
    })
    .prefault({}),
  `What runs on top of the channels: a list of ${LIST}, or a group of them with their options. Under dev, all of them when not set; else none. Variables of options switch nothing on.`,
  { flag: 'features', parse: parseList, group: true },
)

type Parsed = z.output<typeof featuresSection>

/** Names, or options by name; `true` for none. */
export type FeaturesInput =
  | readonly FeatureName[]
  | { readonly [Name in FeatureName]?: boolean | z.input<(typeof groups)[Name]> }

/** What no single key can see. */
export function featureProblem({ notifications, uploads }: Parsed): string | undefined {
  return (
    (notifications && webPushProblem(notifications.web_push)) ?? (uploads && storeProblem(uploads))
  )
}

function webPushProblem({
  public_key,
  private_key,
  key_file,
}: z.output<typeof webPush>): string | undefined {
  const at = '`features.notifications.web_push.'
  if ((public_key === undefined) !== (private_key === undefined)) {
    return `${at}public_key\` and ${at}private_key\` must be set together.`
  }
  if (public_key === undefined || private_key === undefined) return undefined
  if (key_file !== undefined) return `Set ${at}key_file\` or the keys, not both.`
  if (isVapidPair({ public_key, private_key })) return undefined
  return `${at}public_key\` and ${at}private_key\` must be a pair, as \`tidewire webpush keys\` makes them.`
}

function storeProblem({ store, s3 }: z.output<typeof uploads>): string | undefined {
  if (store === 'disk') return undefined
  const needed = ['endpoint', 'bucket', 'access_key_id', 'secret_access_key'] as const
  const missing = needed.find((name) => s3[name] === undefined)
  if (missing === undefined) return undefined
  return `\`features.uploads.s3.${missing}\` must be set where \`features.uploads.store\` is s3.`
}

/** Those that run and their options: what the file says, or those of a list that replaces it. Wrong ones stay, for the schema to refuse. */
export function withFeatures(tree: unknown, list: unknown): unknown {
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) return tree
  const { dev, features } = tree as { dev?: unknown; features?: unknown }
  const written = toGroups(features ?? (dev === true ? FEATURES : []))
  if (list === undefined) return { ...tree, features: written }
  const wanted = toGroups(list)
  if (!isGroup(wanted) || !isGroup(written)) return { ...tree, features: wanted }
  return { ...tree, features: { ...wanted, ...only(written, Object.keys(wanted)) } }
}

/** Whether a key is of a feature that does not run. */
export function isOff(tree: unknown, [section, name, ...rest]: readonly string[]): boolean {
  if (section !== 'features' || name === undefined || rest.length === 0) return false
  const { features } = tree as { features?: unknown }
  return !isGroup(features) || !Object.hasOwn(features, name)
}

/** `[chat, feed]` and `{ chat: , feed: true }` are `{ chat: {}, feed: {} }`. */
function toGroups(features: unknown): unknown {
  if (Array.isArray(features)) {
    const known = features.every((name) => (FEATURES as readonly unknown[]).includes(name))
    return known ? Object.fromEntries(features.map((name: string) => [name, {}])) : features
  }
  if (!isGroup(features)) return features
  const on = Object.entries(features).filter(([, options]) => options !== false)
  return Object.fromEntries(
    on.map(([name, options]) => [name, options === true || options === null ? {} : options]),
  )
}

function only(groups: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(groups).filter(([name]) => names.includes(name)))
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
