import { readFileSync } from 'node:fs'
import { isNamespaceName } from '@tidewire/protocol'
import { z } from 'zod'
import { sentence, shown } from './config-problems.ts'

/** What a key says about itself beside its schema. */
interface Notes {
  doc: string
  /** Without dashes: `port` is `--port`. */
  flag?: string
  /** Instead of `TIDEWIRE_SECTION__KEY`. */
  env?: string
  /** Never shown; `<env>_FILE` names a file that holds it. */
  secret?: boolean
  /** Reads the text of a flag or a variable where JSON is not what people type. */
  parse?: (text: string) => unknown
}

const NOTES = z.registry<Notes>()

function key<T extends z.ZodType>(schema: T, doc: string, notes: Omit<Notes, 'doc'> = {}): T {
  NOTES.add(schema, { doc, ...notes })
  return schema
}

function whole(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}

function text(error: string, pattern: RegExp) {
  return z.string({ error }).regex(pattern, { error })
}

function oneOf<const T extends readonly string[]>(words: T) {
  return z.enum(words, { error: `must be one of ${words.join(', ')}` })
}

function section<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'invalid_type' ? 'must be a group of keys' : undefined),
  })
}

const host = () => text('must be a host name or an IP address', /^[A-Za-z0-9.:_-]{1,255}$/)
const access = () => oneOf(['anyone', 'user', 'server'])
const flag = () => z.boolean({ error: 'must be true or false' })

const SECRET_ERROR = 'must be a text of at least 32 bytes, such as `openssl rand -hex 32` prints'
const KEYS_ERROR = 'must be a list of `{ id, sha256 }`, each id once'
const NAMESPACE_ERROR =
  'must be named with 1 to 32 characters of a-z, 0-9 and -, beginning with a letter'

const serverKeys = z
  .array(
    section({
      id: text('must be 1 to 32 characters of a-z, 0-9 and -', /^[a-z0-9-]{1,32}$/),
      sha256: text('must be the SHA-256 of the key, 64 hex digits', /^[0-9a-f]{64}$/),
    }),
    { error: KEYS_ERROR },
  )
  .refine((keys) => new Set(keys.map(({ id }) => id)).size === keys.length, { error: KEYS_ERROR })

const namespace = section({
  durability: key(
    oneOf(['none', 'memory', 'durable']).default('memory'),
    'What an ack means: handed on, in the log of this process, or on disk.',
  ),
  publish: key(access().default('server'), 'Who may publish: anyone, user or server.'),
  subscribe: key(access().default('user'), 'Who may subscribe.'),
  history: key(access().exactOptional(), 'Who may read the history; as subscribe when not set.'),
  retention: section({
    max_entries: key(whole(1, 1e12).exactOptional(), 'Entries a log keeps.'),
    max_age_ms: key(whole(1, 1e14).exactOptional(), 'Milliseconds an entry is kept.'),
  }).prefault({}),
})

/** The whole configuration: every key with its bounds, default, flag, variable and doc line. */
export const ConfigSchema = section({
  host: key(
    host().optional(),
    'Address to listen on. 127.0.0.1 under dev, where anyone who reaches the server gets a token; else 0.0.0.0.',
    { flag: 'host' },
  ),
  port: key(whole(0, 65_535).default(8080), 'Port to listen on; 0 takes a free one.', {
    flag: 'port',
  }),
  data: key(
    text('must be a path', /^[^\0]{1,4096}$/).default('./.tidewire'),
    'Directory that holds the logs.',
    { flag: 'data' },
  ),
  dev: key(
    flag().default(false),
    'Development: a secret and a server key are made and kept in data, POST /v1/dev/token gives tokens, the namespaces chat, live and signal exist.',
    { flag: 'dev' },
  ),
  ops: section({
    host: key(host().default('127.0.0.1'), 'Address of /metrics, /health and /ready.', {
      flag: 'ops-host',
    }),
    port: key(
      whole(0, 65_535).nullable().default(9090),
      'Port of /metrics, /health and /ready; 0 takes a free one, null (as flag: off) has none.',
      { flag: 'ops-port', parse: (value) => (value === 'off' ? null : fromJson(value)) },
    ),
  }).prefault({}),
  auth: section({
    jwt_secret: key(
      z
        .string({ error: SECRET_ERROR })
        .max(4096, { error: 'must be at most 4096 characters' })
        .refine((secret) => Buffer.byteLength(secret) >= 32, { error: SECRET_ERROR })
        .optional(),
      'Secret that user tokens (JWT, HS256) are signed with.',
      { env: 'TIDEWIRE_JWT_SECRET', secret: true, parse: (value) => value },
    ),
    server_keys: key(
      serverKeys.default([]),
      'Keys of backends: id and SHA-256. As variable: `id:sha256,id:sha256`.',
      { env: 'TIDEWIRE_SERVER_KEYS', secret: true, parse: parseServerKeys },
    ),
    token_max_age_ms: key(
      whole(1000, 1e13).optional(),
      'Tokens that expire later than this from now are refused.',
    ),
  }).prefault({}),
  namespaces: key(
    z
      .record(z.string().refine(isNamespaceName, { error: NAMESPACE_ERROR }), namespace, {
        error: (issue) => (issue.code === 'invalid_type' ? 'must be a group of keys' : undefined),
      })
      .default({}),
    'The policies of channels, by what stands before the colon of their names.',
  ),
  limits: section({
    max_frame_bytes: key(whole(256, 16 * 2 ** 20).default(64 * 1024), 'Bytes of one frame.'),
    max_depth: key(whole(1, 512).default(64), 'Objects and lists inside each other in a frame.'),
    max_keys: key(whole(1, 1e6).default(1000), 'Object keys in a frame.'),
    max_channels: key(whole(1, 1e5).default(128), 'Channels a connection may subscribe to.'),
    max_outbox_bytes: key(
      whole(1024, 2 ** 30).default(2 ** 20),
      'Bytes that may wait for a slow reader before it is sent away.',
    ),
    max_in_flight: key(whole(1, 1e6).default(1024), 'Unanswered publishes of a connection.'),
    max_connections: key(whole(1, 1e7).default(20_000), 'Connections of this server.'),
  }).prefault({}),
  storage: section({
    min_free_bytes: key(
      whole(0, 1e15).default(64 * 2 ** 20),
      'Bytes of the disk that durable channels leave free: below, publishes are refused with 4015.',
    ),
    max_bytes: key(
      whole(2 ** 20, 1e15).exactOptional(),
      'Bytes that the database of the durable channels may grow to; beyond, publishes are refused with 4015. Its write-ahead log of up to 64 MiB and a reserve of 4 MiB come on top.',
    ),
  }).prefault({}),
  heartbeat_ms: key(
    whole(50, 600_000).default(25_000),
    'Milliseconds of silence after which a peer is pinged.',
  ),
  log: section({
    level: key(
      oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).optional(),
      'Least level that is logged. warn under dev, else info.',
      { flag: 'log-level' },
    ),
  }).prefault({}),
  shutdown_ms: key(
    whole(0, 3_600_000).default(10_000),
    'Milliseconds that connections get to leave when the server stops.',
  ),
})

type Parsed = z.output<typeof ConfigSchema>
export type Access = z.output<ReturnType<typeof access>>
export type LogLevel = NonNullable<Parsed['log']['level']>
/** What users write: every key may be left out. */
export type ConfigInput = z.input<typeof ConfigSchema>

export type PolicyInput = z.input<typeof namespace>

/** The policy of one namespace. */
export interface Policy extends z.output<typeof namespace> {
  history: Access
}

/** A whole configuration: nothing is left to be defaulted. */
export interface Config extends Omit<Parsed, 'host' | 'log' | 'namespaces'> {
  host: string
  log: { level: LogLevel }
  /** Without prototype: looking up a namespace called `constructor` finds nothing that is not there. */
  namespaces: Record<string, Policy>
}

/** The configuration cannot be used. The message is one sentence: which key, what is wrong, what to write instead. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export interface ConfigKey {
  /** Dotted: `ops.port`; policies are `namespaces.<name>.publish`. */
  readonly path: string
  readonly doc: string
  readonly default: unknown
  /** Keys inside a namespace have neither variable nor flag. */
  readonly env?: string
  readonly flag?: string
  readonly secret: boolean
}

/** One layer of configuration over another: flags > env > file > defaults. */
export interface ConfigSources {
  /** The content of the file, parsed, or a `ConfigInput`. */
  file?: unknown
  /** What messages call it. */
  fileName?: string
  env?: Record<string, string | undefined>
  /** By the names of `ConfigKey.flag`; `undefined` is not given. Texts are read like variables. */
  flags?: Record<string, unknown>
}

interface Leaf {
  key: ConfigKey
  parse: (text: string) => unknown
}

const LEAVES = leaves(ConfigSchema, [])

/** Every key of the configuration, in the order of the schema: the source of docs, `doctor` and messages. */
export const CONFIG_KEYS: readonly ConfigKey[] = LEAVES.map(({ key }) => key)
const KEY_PATHS = CONFIG_KEYS.map(({ path }) => path)

const OPEN = { publish: 'user', subscribe: 'user', history: 'user', retention: {} } as const
const DEV_NAMESPACES: Record<string, Policy> = {
  chat: { ...OPEN, durability: 'durable' },
  live: { ...OPEN, durability: 'memory' },
  signal: { ...OPEN, durability: 'none' },
}

/** Puts the layers over each other and checks the result. Throws `ConfigError`, and nothing else. */
export function resolveConfig(sources: ConfigSources = {}): Config {
  const { env = {}, flags = {}, fileName = 'tidewire.yaml' } = sources
  const unknown = Object.keys(flags).find((name) => !CONFIG_KEYS.some(({ flag }) => flag === name))
  if (unknown !== undefined) throw new ConfigError(`Unknown flag \`--${shown(unknown)}\`.`)
  const origins = new Map<string, string>()
  let tree: unknown = sources.file ?? {}
  for (const leaf of LEAVES) {
    const given = fromFlags(leaf, flags) ?? fromEnv(leaf, env)
    if (given === undefined) continue
    origins.set(leaf.key.path, given.origin)
    tree = withValue(tree, leaf.key.path.split('.'), given.value)
  }
  const parsed = ConfigSchema.safeParse(tree)
  const issue = parsed.error?.issues[0]
  if (issue !== undefined) throw new ConfigError(sentence(issue, origins, fileName, KEY_PATHS))
  return complete(parsed.data as Parsed, env)
}

/** The policy of a namespace that code adds. Throws `ConfigError`. */
export function resolvePolicy(name: string, input: PolicyInput): Policy {
  const file = { namespaces: { [name]: input } }
  const policy = resolveConfig({ file, fileName: 'server.namespace()' }).namespaces[name]
  if (policy === undefined) throw new ConfigError(`\`${shown(name)}\` cannot name a namespace.`)
  return policy
}

function complete(parsed: Parsed, env: Record<string, string | undefined>): Config {
  const { dev, limits } = parsed
  if (dev && env['NODE_ENV'] === 'production') {
    throw new ConfigError('`dev` must be false where NODE_ENV is production: it gives out tokens.')
  }
  if (limits.max_outbox_bytes < limits.max_frame_bytes) {
    throw new ConfigError('`limits.max_outbox_bytes` must be at least `limits.max_frame_bytes`.')
  }
  const namespaces = Object.create(null) as Record<string, Policy>
  // What the file says about a namespace means the same with and without dev: it replaces the whole policy.
  if (dev) Object.assign(namespaces, structuredClone(DEV_NAMESPACES))
  for (const [name, policy] of Object.entries(parsed.namespaces)) {
    namespaces[name] = { ...policy, history: policy.history ?? policy.subscribe }
  }
  return {
    ...parsed,
    host: parsed.host ?? (dev ? '127.0.0.1' : '0.0.0.0'),
    log: { level: parsed.log.level ?? (dev ? 'warn' : 'info') },
    namespaces,
  }
}

function leaves(schema: z.ZodType, path: readonly string[]): Leaf[] {
  const notes = NOTES.get(schema)
  const inner = unwrap(schema)
  const own = notes === undefined ? [] : [leaf(schema, path, notes)]
  if (inner instanceof z.ZodRecord) {
    return [...own, ...leaves(inner.valueType as z.ZodType, [...path, '<name>'])]
  }
  if (!(inner instanceof z.ZodObject) || notes !== undefined) return own
  return Object.entries(inner.shape).flatMap(([name, child]) =>
    leaves(child as z.ZodType, [...path, name]),
  )
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? unwrap(schema.unwrap() as z.ZodType)
    : schema
}

function leaf(schema: z.ZodType, path: readonly string[], notes: Notes): Leaf {
  const parsed = schema.safeParse(undefined)
  const { doc, secret = false, flag } = notes
  const env = notes.env ?? `TIDEWIRE_${path.join('__').toUpperCase()}`
  const key = {
    path: path.join('.'),
    doc,
    default: parsed.success ? parsed.data : undefined,
    ...(path.includes('<name>') ? {} : { env }),
    ...(flag === undefined ? {} : { flag }),
    secret,
  }
  const parse = (text: string) => (schema.safeParse(text).success ? text : fromJson(text))
  return { key, parse: notes.parse ?? parse }
}

interface Given {
  value: unknown
  origin: string
}

function fromFlags(
  { key: { flag }, parse }: Leaf,
  flags: Record<string, unknown>,
): Given | undefined {
  const value = flag !== undefined && Object.hasOwn(flags, flag) ? flags[flag] : undefined
  if (value === undefined) return undefined
  return { value: typeof value === 'string' ? parse(value) : value, origin: `--${flag}` }
}

/** An empty variable counts as not set: that is how compose files and shells leave one out. */
function fromEnv(
  { key: { env: name, secret }, parse }: Leaf,
  env: ConfigSources['env'] = {},
): Given | undefined {
  if (name === undefined) return undefined
  const value = env[name] || undefined
  const file = secret ? env[`${name}_FILE`] || undefined : undefined
  if (file === undefined)
    return value === undefined ? undefined : { value: parse(value), origin: name }
  if (value !== undefined) throw new ConfigError(`Set \`${name}\` or \`${name}_FILE\`, not both.`)
  return { value: parse(readSecretFile(file, `${name}_FILE`)), origin: `${name}_FILE` }
}

function readSecretFile(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw new ConfigError(`The file that \`${name}\` names cannot be read.`, { cause })
  }
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // What is not JSON stays text, and the schema says what it should have been.
    if (error instanceof SyntaxError) return text
    throw error
  }
}

function parseServerKeys(text: string): unknown {
  if (text.trimStart().startsWith('[')) return fromJson(text)
  const words = text.split(/[\s,]+/).filter((word) => word !== '')
  return words.map((word) => {
    const [id, sha256] = word.split(':')
    return { id, sha256 }
  })
}

/** A copy of `tree` with the value at `path`. What is no group of keys stays as it is, for the schema to refuse. */
function withValue(tree: unknown, path: readonly string[], value: unknown): unknown {
  const [name, ...rest] = path
  if (name === undefined) return value
  if (tree !== undefined && tree !== null && !isGroup(tree)) return tree
  const group = tree ?? {}
  const child = Object.hasOwn(group, name) ? (group as Record<string, unknown>)[name] : undefined
  return { ...group, [name]: withValue(child, rest, value) }
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
