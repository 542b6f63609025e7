import { join, resolve } from 'node:path'
import { type Config, createServerKey, hasStore, readDevServerKey } from '@tidewire/server'
import type { Command } from 'commander'
import { addConfigFlags, loadConfig } from '../config.ts'
import { CliError, UsageError } from '../errors.ts'
import { print, say, table } from '../output.ts'
import { storedKeys, withStore } from '../server-keys.ts'

/** The id of the key that `serve --dev` makes. */
const DEV = 'dev'

type Options = Record<string, unknown>

interface ListedKey {
  id: string
  /** `config`: `auth.server_keys`. `store`: the data directory. `dev`: of `serve --dev` there, and of no other. */
  source: 'config' | 'store' | 'dev'
  created_at: string | undefined
  revoked_at: string | undefined
}

export function addKey(program: Command): void {
  const key = program
    .command('key')
    .description(
      'server keys of backends, kept in the data directory; a running server sees changes',
    )
  const create = key
    .command('create')
    .description('make a key and print it, once')
    .argument('<id>', 'names the key in lists and logs: 1 to 32 characters of a-z, 0-9 and -')
  addConfigFlags(create, ['data']).action(createKey)
  const list = key
    .command('list')
    .description('all keys, revoked ones included; never the keys themselves')
    .option('--json', 'print a JSON list')
  addConfigFlags(list, ['data']).action(listKeys)
  const revoke = key
    .command('revoke')
    .description('refuse a key from now on; its connections end within 2 s')
    .argument('<id>', 'as `key list` shows it')
  addConfigFlags(revoke, ['data']).action(revokeKey)
}

async function createKey(id: string, options: Options): Promise<void> {
  const { config } = loadConfig(options)
  const made = makeKey(id)
  if (isConfigured(config, id)) {
    throw new CliError(`\`auth.server_keys\` has a key \`${id}\`. Choose another id.`)
  }
  if (id === DEV) throw new CliError('`dev` is the key of `serve --dev`. Choose another id.')
  await withStore(config.data, ({ serverKeys }) => serverKeys.create(made))
  print(made.key)
  say(
    `The key \`${id}\` is shown only this once. Servers with data in ${resolve(config.data)} take it.`,
  )
}

async function listKeys(options: Options): Promise<void> {
  const { config } = loadConfig(options)
  const keys: ListedKey[] = [...configured(config), ...(await stored(config)), ...dev(config)]
  if (options['json'] === true) return print(JSON.stringify(keys, undefined, 2))
  if (keys.length === 0) {
    return say('There are no server keys. Make one with `tidewire key create <id>`.')
  }
  const rows = keys.map(({ id, source, created_at = '-', revoked_at = '-' }) => [
    id,
    source,
    created_at,
    revoked_at,
  ])
  for (const line of table([['id', 'source', 'created', 'revoked'], ...rows])) print(line)
}

async function revokeKey(id: string, options: Options): Promise<void> {
  const { config } = loadConfig(options)
  if (isConfigured(config, id)) {
    throw new CliError(
      `The key \`${id}\` stands in \`auth.server_keys\`: remove it there and restart the server.`,
    )
  }
  if (id === DEV) {
    const path = join(resolve(config.data), 'dev-server-key')
    throw new CliError(`\`dev\` is the key of \`serve --dev\`: remove ${path} and restart it.`)
  }
  if (!hasStore(config.data)) {
    throw new CliError(
      `There is no store in ${resolve(config.data)}, so there is no key \`${id}\`.`,
    )
  }
  const counted = await withStore(config.data, ({ serverKeys }) => serverKeys.revoke(id))
  say(
    counted
      ? `The key \`${id}\` is revoked. Running servers refuse it and end its connections within 2 s.`
      : `The key \`${id}\` was revoked before.`,
  )
}

function makeKey(id: string): ReturnType<typeof createServerKey> {
  try {
    return createServerKey(id)
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message)
    throw error
  }
}

function isConfigured({ auth }: Config, id: string): boolean {
  return auth.server_keys.some((key) => key.id === id)
}

function configured({ auth }: Config): ListedKey[] {
  return auth.server_keys.map(({ id }) => ({
    id,
    source: 'config',
    created_at: undefined,
    revoked_at: undefined,
  }))
}

async function stored({ data }: Config): Promise<ListedKey[]> {
  const keys = await storedKeys(data)
  return keys.map(({ id, created_at, revoked_at }) => ({
    id,
    source: 'store',
    created_at: toIso(created_at),
    revoked_at: revoked_at === undefined ? undefined : toIso(revoked_at),
  }))
}

function dev({ data }: Config): ListedKey[] {
  if (readDevServerKey(data) === undefined) return []
  return [{ id: DEV, source: 'dev', created_at: undefined, revoked_at: undefined }]
}

function toIso(ms: number): string {
  return new Date(ms).toISOString()
}
