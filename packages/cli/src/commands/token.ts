import {
  type Config,
  CONFIG_KEYS,
  inspectToken,
  isUserId,
  issueToken,
  publicKeyProblem,
  readDevSecret,
} from '@tidewire/server'
import type { Command } from 'commander'
import { addConfigFlags, loadConfig } from '../config.ts'
import { parseDuration } from '../duration.ts'
import { CliError, UsageError } from '../errors.ts'
import { readLines } from '../lines.ts'
import { print } from '../output.ts'
import { shownUrl } from '../policy.ts'
import { type Channels, parseAllow, parseChannels } from '../token-options.ts'
import { toLines, verdict } from '../token-report.ts'

const HOUR_MS = 3_600_000
const MAX_SESSION = 128

interface CreateOptions extends Record<string, unknown> {
  ttl?: number
  channels?: Channels
  allow?: Channels
  session?: string
}

export function addToken(program: Command): void {
  const token = program
    .command('token')
    .description('tokens of users: make one (`token ada` is `token create ada`), or look into one')
  const create = token
    .command('create', { isDefault: true })
    .description('print a token for a user, signed with the secret of the configuration')
    .argument('<user>', 'user id: 1 to 128 characters of A-Z a-z 0-9 _ . @ -')
    .option(
      '--ttl <duration>',
      'how long it is valid: 90s, 15m, 1h, 7d (default: 1h)',
      parseDuration,
    )
    .option(
      '--allow <actions=pattern>',
      'what it may do, instead of what the namespaces allow its user: subscribe,publish=chat:*; repeatable',
      parseAllow,
    )
    .option('--channels <json>', 'the same as JSON: {"chat:*":["subscribe"]}', parseChannels)
    .option('--session <id>', 'the login it belongs to, by which it can be revoked')
  addConfigFlags(create, ['data']).action(createToken)
  const inspect = token
    .command('inspect')
    .description('say what a token holds and whether it is good; it is sent nowhere')
    .argument('<token>', 'the token, or - to read it from stdin')
    .option('--json', 'print JSON')
  addConfigFlags(inspect, ['data']).action(inspectOne)
}

async function createToken(user: string, options: CreateOptions): Promise<void> {
  const { ttl = HOUR_MS, channels, allow, session } = options
  if (!isUserId(user)) {
    throw new UsageError('A user id is 1 to 128 characters of A-Z a-z 0-9 _ . @ -')
  }
  if (channels !== undefined && allow !== undefined) {
    throw new UsageError('--channels and --allow say the same: use one of them.')
  }
  if (session !== undefined && (session.length < 1 || session.length > MAX_SESSION)) {
    throw new UsageError(`The id of a session is 1 to ${MAX_SESSION} characters.`)
  }
  const { config } = loadConfig(options)
  const secret = secretOf(config)
  if (secret === undefined) {
    const { env } = CONFIG_KEYS.find(({ path }) => path === 'auth.jwt_secret') ?? {}
    throw new CliError(
      `There is no secret to sign with. Set ${env}, or start \`tidewire serve --dev\` once.`,
    )
  }
  const { jwt_algorithms: algorithms, issuer, audience } = config.auth
  const { token } = await issueToken({
    secret,
    algorithm: algorithms[0],
    user,
    ttlMs: ttl,
    now: Date.now(),
    session,
    channels: channels ?? allow,
    issuer,
    audience,
  })
  print(token)
}

async function inspectOne(given: string, options: Record<string, unknown>): Promise<void> {
  const { config } = loadConfig(options)
  const token = (given === '-' ? await firstLine() : given).trim().replace(/^Bearer /i, '')
  if (token.startsWith('tw_')) {
    throw new CliError('This is a server key. `tidewire key list` tells which ones count.')
  }
  const { auth } = config
  const problem = publicKeyProblem(auth.public_keys)
  if (problem !== undefined) throw new CliError(problem)
  const now = Date.now()
  const report = await inspectToken(
    token,
    {
      secret: secretOf(config),
      algorithms: auth.jwt_algorithms,
      publicKeys: auth.public_keys,
      maxAgeMs: auth.token_max_age_ms,
      issuer: auth.issuer,
      audience: auth.audience,
    },
    now,
  )
  if (report.refusal !== undefined) process.exitCode = 1
  if (options['json'] === true) {
    return print(JSON.stringify({ ...report, good: report.refusal === undefined }, undefined, 2))
  }
  const keySet = auth.jwks.url === undefined ? undefined : shownUrl(auth.jwks.url)
  for (const line of toLines(report, now, keySet)) print(line)
  print(verdict(report))
}

function secretOf({ auth, data }: Config): string | undefined {
  return auth.jwt_secret ?? readDevSecret(data)
}

async function firstLine(): Promise<string> {
  for await (const line of readLines(process.stdin)) return line
  throw new CliError('There is no token on stdin.')
}
