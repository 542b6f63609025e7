import { readFileSync } from 'node:fs'
import { z } from 'zod'
import {
  featureProblem,
  type FeatureName,
  type FeaturesInput,
  isOff,
  withFeatures,
} from './features.ts'
import { fromJson, NOTES, type Notes } from './keys.ts'
import { sentence, shown, strayVariable } from './problems.ts'
import { insecure } from './production.ts'
import { type access, ConfigSchema, type namespace } from './schema.ts'

type Parsed = z.output<typeof ConfigSchema>
export type Access = z.output<ReturnType<typeof access>>
export type LogLevel = NonNullable<Parsed['log']['level']>
/** What users write: every key may be left out. */
export type ConfigInput = Omit<z.input<typeof ConfigSchema>, 'features'> & {
  features?: FeaturesInput
}

export type PolicyInput = z.input<typeof namespace>

/** The features that run, with their options. */
export type Features = Parsed['features']
export type { FeatureName, FeaturesInput }

/** The policy of one namespace. */
export interface Policy extends z.output<typeof namespace> {
  history: Access
  presence: Access
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

const OPEN = {
  publish: 'user',
  subscribe: 'user',
  history: 'user',
  presence: 'user',
  hook: false,
  retention: {},
  min_flush_interval_ms: 1,
} as const
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
  const stray = strayVariable(env, CONFIG_KEYS)
  if (stray !== undefined) throw new ConfigError(stray)
  const origins = new Map<string, string>()
  let tree: unknown = sources.file ?? {}
  for (const leaf of LEAVES) {
    const path = leaf.key.path.split('.')
    if (isOff(tree, path)) continue
    const given = fromFlags(leaf, flags) ?? fromEnv(leaf, env)
    if (given !== undefined) origins.set(leaf.key.path, given.origin)
    if (leaf.key.path === 'features') tree = withFeatures(tree, given?.value)
    else if (given !== undefined) tree = withValue(tree, path, given.value)
  }
  const config = complete(parse(tree, origins, fileName))
  const refusal = contradiction(config) ?? (isProduction(env) ? insecure(config) : undefined)
  if (refusal !== undefined) throw new ConfigError(refusal)
  return config
}

/** The policy of a namespace that code adds. Throws `ConfigError`. */
export function resolvePolicy(name: string, input: PolicyInput): Policy {
  const tree = { namespaces: { [name]: input } }
  const policy = complete(parse(tree, new Map(), 'server.namespace()')).namespaces[name]
  if (policy === undefined) throw new ConfigError(`\`${shown(name)}\` cannot name a namespace.`)
  return policy
}

function parse(tree: unknown, origins: ReadonlyMap<string, string>, fileName: string): Parsed {
  const parsed = ConfigSchema.safeParse(tree)
  const issue = parsed.error?.issues[0]
  if (issue !== undefined) throw new ConfigError(sentence(issue, origins, fileName, KEY_PATHS))
  return parsed.data as Parsed
}

function complete(parsed: Parsed): Config {
  const { dev } = parsed
  const namespaces = Object.create(null) as Record<string, Policy>
  // What the file says about a namespace means the same with and without dev: it replaces the whole policy.
  if (dev) Object.assign(namespaces, structuredClone(DEV_NAMESPACES))
  for (const [name, policy] of Object.entries(parsed.namespaces)) {
    const { subscribe, history = subscribe, presence = subscribe } = policy
    namespaces[name] = { ...policy, history, presence }
  }
  return {
    ...parsed,
    host: parsed.host ?? (dev ? '127.0.0.1' : '0.0.0.0'),
    log: { level: parsed.log.level ?? (dev ? 'warn' : 'info') },
    namespaces,
  }
}

/** What no single key can see. */
function contradiction({ limits, tls, namespaces, auth, features }: Config): string | undefined {
  if (limits.max_outbox_bytes < limits.max_frame_bytes) {
    return '`limits.max_outbox_bytes` must be at least `limits.max_frame_bytes`.'
  }
  if ((tls.cert_file === undefined) !== (tls.key_file === undefined)) {
    return '`tls.cert_file` and `tls.key_file` must be set together.'
  }
  if (auth.jwks.max_stale_ms < auth.jwks.refresh_ms) {
    return '`auth.jwks.max_stale_ms` must be at least `auth.jwks.refresh_ms`.'
  }
  const hooked = Object.entries(namespaces).find(([, { hook }]) => hook)
  if (hooked !== undefined && auth.hook.url === undefined) {
    return `\`namespaces.${hooked[0]}.hook\` needs \`auth.hook.url\`, the address that is asked.`
  }
  return featureProblem(features)
}

function isProduction(env: Record<string, string | undefined>): boolean {
  return env['NODE_ENV']?.trim().toLowerCase() === 'production'
}

function leaves(schema: z.ZodType, path: readonly string[]): Leaf[] {
  const notes = NOTES.get(schema)
  const inner = unwrap(schema)
  const own = notes === undefined ? [] : [leaf(schema, path, notes)]
  if (inner instanceof z.ZodRecord) {
    return [...own, ...leaves(inner.valueType as z.ZodType, [...path, '<name>'])]
  }
  const isGroup = notes === undefined || notes.group === true
  if (!(inner instanceof z.ZodObject) || !isGroup) return own
  const inside = Object.entries(inner.shape).flatMap(([name, child]) =>
    leaves(child as z.ZodType, [...path, name]),
  )
  return [...own, ...inside]
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodExactOptional
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
