import { userInfo } from 'node:os'
import {
  Tidewire,
  type TidewireError,
  type TidewireOptions,
  type TransportName,
} from '@tidewire/client'
import { isUserId, readDevServerKey } from '@tidewire/server'
import { type Command, Option } from 'commander'
import { addConfigFlags, loadConfig } from './config.ts'
import { CliError, sentence } from './errors.ts'
import { say } from './output.ts'

/** How long a server may take to answer for the first time: it may just be starting. */
const PATIENCE_MS = 10_000
/** After this long it is said what the command waits for. */
const SILENCE_MS = 1000
/** The server closes the connection right after it said one of these. */
const ENDING: ReadonlySet<TidewireError['reason']> = new Set([
  'authentication_required',
  'authentication_failed',
  'origin_not_allowed',
  'session_expired',
])
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

export interface ConnectOptions {
  url?: string
  token?: string
  transport?: TransportName
}

/** Adds the flags that say which server and who asks. */
export function addConnectFlags(command: Command): Command {
  const transport = new Option('--transport <name>', 'use this transport only')
  command
    .option('--url <url>', 'server to connect to (default: the local one) [TIDEWIRE_URL]')
    .option('--token <token>', 'token or server key [TIDEWIRE_TOKEN, TIDEWIRE_API_KEY]')
    .addOption(transport.choices(['websocket', 'sse', 'poll']))
  return addConfigFlags(command, ['data'])
}

/**
 * A connected client. Without a token it uses what a local dev server offers: the server key in its data directory,
 * else `POST /v1/dev/token`. Throws `CliError` when no server answers in time or it refuses.
 */
export async function connect(options: ConnectOptions): Promise<Tidewire> {
  const url = options.url ?? process.env['TIDEWIRE_URL'] ?? localUrl(options)
  const transports = options.transport === undefined ? {} : { transports: [options.transport] }
  const client = new Tidewire({ url, ...transports, ...(await credentials(url, options)) })
  tellErrors(client)
  try {
    await connected(client, url)
  } catch (error) {
    await client.close()
    throw error
  }
  return client
}

/** Tells on stderr when the connection is lost and when it is back. */
export function tellConnection(client: Tidewire): void {
  client.on('state', ({ from, to }) => {
    if (from.name === 'connected' && to.name === 'reconnecting') {
      say(`The connection is lost (${to.reason}). Trying again.`)
    }
    if (from.name === 'reconnecting' && to.name === 'connected') say('Connected again.')
  })
}

/** Tells what answers no call. What ends the client is told by the end of the command, once. */
function tellErrors(client: Tidewire): void {
  client.on('error', (error) => {
    if (!ENDING.has(error.reason)) say(sentence(error))
  })
}

function localUrl(options: ConnectOptions): string {
  return `http://127.0.0.1:${loadConfig({ ...options }).config.port}`
}

async function credentials(
  url: string,
  options: ConnectOptions,
): Promise<Pick<TidewireOptions, 'token' | 'getToken'>> {
  const { TIDEWIRE_TOKEN, TIDEWIRE_API_KEY } = process.env
  const given = options.token ?? (TIDEWIRE_TOKEN || TIDEWIRE_API_KEY || undefined)
  if (given !== undefined) return { token: given }
  // The key of the local server is shown to no other machine.
  if (!URL.canParse(url) || !LOOPBACK.has(new URL(url).hostname)) return {}
  const key = readDevServerKey(loadConfig({ ...options }).config.data)
  if (key !== undefined) return { token: key }
  const token = await devToken(url)
  if (token === undefined) return {}
  return { token, getToken: async () => (await devToken(url)) ?? token }
}

async function devToken(url: string): Promise<string | undefined> {
  const { username } = userInfo()
  try {
    const response = await fetch(new URL('/v1/dev/token', url.replace(/^ws/, 'http')), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user: isUserId(username) ? username : 'cli' }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    if (!response.ok) return undefined
    return ((await response.json()) as { token: string }).token
  } catch {
    // Whether there is a server at all is for the connection to find out.
    return undefined
  }
}

function connected(client: Tidewire, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = new AbortController()
    const { signal } = ended
    const notice = setTimeout(() => say(`Waiting for a server at ${url}`), SILENCE_MS)
    const timer = setTimeout(() => {
      ended.abort()
      reject(
        new CliError(
          `No server answers at ${url}. Start one with \`tidewire serve --dev\`, or name one with --url.`,
        ),
      )
    }, PATIENCE_MS)
    const check = (): void => {
      const { state } = client
      if (state.name !== 'connected' && state.name !== 'failed') return
      clearTimeout(notice)
      clearTimeout(timer)
      ended.abort()
      if (state.name === 'connected') resolve()
      else reject(new CliError(`The server at ${url} refuses: ${state.error.message}`))
    }
    client.on('state', check, { signal })
    check()
  })
}
