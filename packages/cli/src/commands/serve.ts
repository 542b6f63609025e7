import { resolve } from 'node:path'
import { type Addresses, type Config, createServer, namespacesOf } from '@tidewire/server'
import type { Command } from 'commander'
import { addConfigFlags, loadConfig } from '../config.ts'
import { CliError } from '../errors.ts'
import { print, say, styled } from '../output.ts'
import { warningsOf } from '../policy.ts'
import { onStop } from '../signals.ts'
import { storedKeys } from '../server-keys.ts'
import { findSite } from '../site.ts'
import { version } from '../version.ts'

/** How much longer than promised a stop may take before it is forced. */
const GRACE_MS = 5000

export function addServe(program: Command): void {
  const command = program.command('serve').description('run a server')
  addConfigFlags(command).action((options: Record<string, unknown>) => serve(options))
}

async function serve(options: Record<string, unknown>): Promise<void> {
  const { config } = loadConfig(options)
  const server = createServer({
    ...config,
    ...(config.dev ? { site: findSite() } : {}),
    onFatal: (error) => {
      // At once: a supervisor starts it again, and clients come back with their positions.
      say(error.message)
      process.exit(1)
    },
  })
  const addresses = await server.listen().catch((error: unknown) => {
    throw explainListen(error, config)
  })
  onStop(() => {
    say('Stopping.')
    setTimeout(() => process.exit(1), config.shutdown_ms + GRACE_MS).unref()
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        say(`The server did not stop cleanly: ${String(error)}`)
        process.exit(1)
      },
    )
  })
  if (config.dev) print(banner(config, addresses))
  else announce(addresses, [...(await emptiness(config)), ...warningsOf(config)])
}

function explainListen(error: unknown, { ops, host }: Config): unknown {
  if (!(error instanceof Error)) return error
  const { code, port, address } = error as Error & {
    code?: string
    port?: number
    address?: string
  }
  const flag = port === ops.port ? '--ops-port' : '--port'
  if (code === 'EADDRINUSE') {
    return new CliError(`Port ${port} is taken. Choose another with ${flag}.`)
  }
  if (code === 'EACCES' && port !== undefined) {
    return new CliError(`Port ${port} is not for this user. Choose one above 1023 with ${flag}.`)
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new CliError(`${address ?? host} is no address of this machine. Check --host.`)
  }
  return error
}

function announce({ url, opsUrl }: Addresses, warnings: readonly string[]): void {
  const operations = opsUrl === undefined ? '' : `, operations on ${opsUrl}`
  say(`Tidewire ${version()} listens on ${url}${operations}`)
  for (const warning of warnings) say(`Warning: ${warning}`)
}

/** What is missing for anybody to do anything. */
async function emptiness(config: Config): Promise<string[]> {
  return [
    ...((await takesTokens(config))
      ? []
      : ['neither a secret nor server keys are set, so no token is accepted.']),
    ...(Object.keys(namespacesOf(config)).length > 0
      ? []
      : ['there are no namespaces, so there are no channels. Add some to tidewire.yaml.']),
  ]
}

async function takesTokens({ auth, data }: Config): Promise<boolean> {
  if (auth.jwt_secret !== undefined || auth.jwks.url !== undefined) return true
  if (auth.server_keys.length > 0 || auth.public_keys.length > 0) return true
  const keys = await storedKeys(data)
  return keys.some(({ revoked_at }) => revoked_at === undefined)
}

function banner(config: Config, { url, opsUrl }: Addresses): string {
  const names = Object.entries(namespacesOf(config)).map(
    ([name, { durability }]) => `${name} (${durability})`,
  )
  const rows = [
    ['Open', styled('cyan', url)],
    ['Data', resolve(config.data)],
    ['Namespaces', names.join(', ')],
    ...(opsUrl === undefined ? [] : [['Operations', `${opsUrl}/metrics`]]),
  ]
  const at = new URL(url).port === '8080' ? '' : ` --url ${url}`
  return [
    '',
    `  ${styled('bold', `Tidewire ${version()}`)}, development mode: whoever reaches it gets a token`,
    '',
    ...rows.map(([name = '', value = '']) => `  ${name.padEnd(12)}${value}`),
    '',
    '  In other terminals:',
    '',
    `    npx tidewire subscribe chat:general${at}`,
    `    npx tidewire publish chat:general "hello"${at}`,
    '',
    '  In a page:',
    '',
    ...snippet(url).map((line) => `    ${line}`),
    '',
  ].join('\n')
}

function snippet(url: string): string[] {
  return [
    `import { Tidewire } from '@tidewire/client'`,
    `const getToken = async () => {`,
    `  const response = await fetch('${url}/v1/dev/token', {`,
    `    method: 'POST',`,
    `    headers: { 'content-type': 'application/json' },`,
    `    body: JSON.stringify({ user: 'ada' }),`,
    `  })`,
    `  return (await response.json()).token`,
    `}`,
    `const room = new Tidewire({ url: '${url}', getToken }).channel('chat:general')`,
    `room.on('message', ({ payload }) => console.log(payload.content))`,
    `await room.subscribe({ last: 20 })`,
    `await room.publish('message', { content: 'hello' })`,
  ]
}
