import {
  accessSync,
  constants,
  existsSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type Config,
  countKeys,
  hasStore,
  namespacesOf,
  publicKeyProblem,
  readDevSecret,
} from '@tidewire/server'
import { shownUrl } from './policy.ts'

export interface Finding {
  check: string
  level: 'ok' | 'warn' | 'fail'
  message: string
  /** What to do about it. */
  remedy?: string
  /** More of it, for people. */
  lines?: readonly string[]
  /** … and for programs. */
  values?: unknown
}

const OLDEST_NODE = { major: 22, minor: 13 }
/** Databases up to this size are read whole. */
const CHECKED_BYTES = 256 * 1024 * 1024
/** Files that a server needs beside its connections. */
const SPARE_FILES = 200

export function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const { major: least, minor: leastMinor } = OLDEST_NODE
  const good = major > least || (major === least && minor >= leastMinor)
  const message = `${process.versions.node} on ${process.platform} ${process.arch}`
  if (good) return { check: 'node', level: 'ok', message }
  return { check: 'node', level: 'fail', message, remedy: 'Install Node 22.13 or newer.' }
}

/** A clock that is behind refuses good tokens: it cannot be earlier than what this program was built with. */
export function checkClock(now = Date.now()): Finding {
  const { mtimeMs } = statSync(fileURLToPath(import.meta.url))
  const message = new Date(now).toISOString()
  if (now >= mtimeMs) return { check: 'clock', level: 'ok', message }
  const remedy = 'Set the clock, or switch on time synchronisation: tokens depend on it.'
  return { check: 'clock', level: 'fail', message: `${message} is before the installation`, remedy }
}

export function checkFiles({ limits }: Config): Finding {
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { soft?: number | string } }
  }
  const soft = userLimits?.open_files?.soft
  const needed = limits.max_connections + SPARE_FILES
  const enough = typeof soft !== 'number' || soft >= needed
  const message = `${soft ?? 'unlimited'} open files, ${limits.max_connections} connections allowed`
  if (enough) return { check: 'files', level: 'ok', message }
  const remedy = `Raise the limit (ulimit -n ${needed}), or lower limits.max_connections.`
  return { check: 'files', level: 'warn', message, remedy }
}

export function checkAuth(config: Config): Finding {
  const { auth, dev, data } = config
  const check = 'auth'
  const stored = hasStore(data) ? ' and those of `tidewire key list`' : ''
  const keys = `${auth.server_keys.length} server keys in the configuration${stored}`
  const sources = [
    ...(auth.jwt_secret === undefined ? [] : [`a secret (${auth.jwt_algorithms.join(', ')})`]),
    ...(dev && auth.jwt_secret === undefined ? ['a secret that dev makes and keeps in data'] : []),
    ...auth.public_keys.map(({ algorithm }) => `a public key (${algorithm})`),
    ...(auth.jwks.url === undefined ? [] : [`a key set (${auth.jwks.algorithms.join(', ')})`]),
  ]
  const problem = publicKeyProblem(auth.public_keys)
  if (problem !== undefined) return { check, level: 'fail', message: problem }
  if (sources.length > 0) {
    return { check, level: 'ok', message: `${sources.join(', ')}, ${keys}` }
  }
  const message = `no secret: user tokens are refused, ${keys}`
  return { check, level: 'warn', message, remedy: besideDev(config) ?? 'Set TIDEWIRE_JWT_SECRET.' }
}

/** Whether the keys of the identity provider can be fetched: the only thing here that asks another machine. */
export async function checkKeySet({ auth: { jwks } }: Config): Promise<Finding[]> {
  if (jwks.url === undefined) return []
  const check = 'key set'
  try {
    const count = await countKeys({ url: jwks.url, allowPrivate: jwks.allow_private })
    return [{ check, level: 'ok', message: `${shownUrl(jwks.url)}: ${count} keys` }]
  } catch (error) {
    const message = `${shownUrl(jwks.url)}: ${(error as Error).message}`
    return [{ check, level: 'fail', message, remedy: 'Check auth.jwks.url: user tokens need it.' }]
  }
}

/** A dev server runs with more than the files say: without `--dev` this is not about it. */
function besideDev({ data, dev }: Config): string | undefined {
  if (dev || readDevSecret(data) === undefined) return undefined
  return 'A dev server keeps its data here: `tidewire doctor --dev` checks its configuration.'
}

export function checkNamespaces(config: Config): Finding[] {
  const check = 'namespaces'
  const findings = Object.entries(namespacesOf(config)).map(([name, policy]): Finding => {
    const { durability, publish, subscribe, history, retention } = policy
    const kept = [
      ...(retention.max_entries === undefined ? [] : [`${retention.max_entries} entries`]),
      ...(retention.max_age_ms === undefined ? [] : [`${retention.max_age_ms} ms`]),
    ]
    const keeps = kept.length === 0 ? '' : `, keeps ${kept.join(' and ')}`
    const message = `${name}: ${durability}, publish ${publish}, subscribe ${subscribe}, history ${history}${keeps}`
    return { check, level: 'ok', message }
  })
  if (findings.length > 0) return findings
  const remedy = besideDev(config) ?? 'Add some to tidewire.yaml, or use --dev.'
  return [{ check, level: 'warn', message: 'none, so there are no channels', remedy }]
}

export function checkData({ data }: Config): Finding {
  const path = resolve(data)
  const remedy = 'Check that it is a directory and who owns it, or choose another with --data.'
  try {
    if (!existsSync(path)) {
      accessSync(nearestDirectory(path), constants.W_OK)
      return { check: 'data', level: 'ok', message: `${path} will be made` }
    }
    const probe = join(path, `.doctor-${process.pid}`)
    writeFileSync(probe, '')
    rmSync(probe)
    return { check: 'data', level: 'ok', message: `${path} is writable` }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { check: 'data', level: 'fail', message: `${path} is not writable (${code})`, remedy }
  }
}

/** Twice what is kept free: a server that begins below that is soon full. */
export function checkSpace({ data, storage }: Config): Finding {
  const check = 'space'
  const { bavail, bsize } = statfsSync(nearestDirectory(resolve(data)))
  const free = bavail * bsize
  const message = `${megabytes(free)} free, ${megabytes(storage.min_free_bytes)} are kept free`
  if (free >= 2 * storage.min_free_bytes) return { check, level: 'ok', message }
  const remedy = 'Free some of the disk, or lower storage.min_free_bytes.'
  return { check, level: free < storage.min_free_bytes ? 'fail' : 'warn', message, remedy }
}

/** The logs, and everything else that is kept; the latter only where it is. */
export async function checkDatabases({ data }: Config): Promise<Finding[]> {
  const logs = join(resolve(data), 'tidewire.db')
  const store = join(resolve(data), 'store.db')
  return [
    existsSync(logs)
      ? await checkDatabase('database', logs)
      : { check: 'database', level: 'ok', message: 'none yet: the first start makes it' },
    ...(existsSync(store) ? [await checkDatabase('store', store)] : []),
  ]
}

async function checkDatabase(check: string, path: string): Promise<Finding> {
  const { size } = statSync(path)
  const { DatabaseSync } = await import('node:sqlite')
  try {
    const db = new DatabaseSync(path, { readOnly: true })
    try {
      const whole = size <= CHECKED_BYTES
      const row = db.prepare(whole ? 'PRAGMA quick_check(1)' : 'PRAGMA schema_version').get()
      if (whole && row?.['quick_check'] !== 'ok') return damaged(check, path)
    } finally {
      db.close()
    }
  } catch (error) {
    // Primary result codes of SQLite: the upper bytes tell more of the same.
    const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff
    if (code === BUSY) return { check, level: 'ok', message: `${path} is open in a running server` }
    if (code === CORRUPT || code === NOT_A_DATABASE) return damaged(check, path)
    const message = `${path} cannot be opened: ${(error as Error).message}`
    return { check, level: 'fail', message, remedy: 'Check who owns it.' }
  }
  return { check, level: 'ok', message: `${path}, ${megabytes(size)}` }
}

const BUSY = 5
const CORRUPT = 11
const NOT_A_DATABASE = 26

export async function checkPort(
  check: string,
  { host, port }: { host: string; port: number },
  flag: string,
): Promise<Finding> {
  if (port === 0) return { check, level: 'ok', message: 'a free one is taken' }
  const code = await listenError(host, port)
  if (code === undefined) return { check, level: 'ok', message: `${host}:${port} is free` }
  const remedy = `Choose another with ${flag}.`
  if (code !== 'EADDRINUSE') {
    return { check, level: 'fail', message: `${host}:${port} cannot be used (${code})`, remedy }
  }
  if (await isHealthy(host, port)) {
    return { check, level: 'ok', message: `${host}:${port} is served by a running server` }
  }
  return { check, level: 'fail', message: `${host}:${port} is taken by another program`, remedy }
}

function damaged(check: string, path: string): Finding {
  const remedy = 'Restore a backup, or move the file away to start empty.'
  return { check, level: 'fail', message: `${path} is damaged`, remedy }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

function nearestDirectory(path: string): string {
  return existsSync(path) ? path : nearestDirectory(dirname(path))
}

function listenError(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port }, () => server.close(() => resolve(undefined)))
  })
}

async function isHealthy(host: string, port: number): Promise<boolean> {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  const url = `http://${name.includes(':') ? `[${name}]` : name}:${port}/health`
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
    await response.body?.cancel()
    return response.ok
  } catch {
    // Something listens there that speaks no HTTP.
    return false
  }
}
