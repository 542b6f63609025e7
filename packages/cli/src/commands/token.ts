import { CONFIG_KEYS, isUserId, issueToken, readDevSecret } from '@tidewire/server'
import type { Command } from 'commander'
import { addConfigFlags, loadConfig } from '../config.ts'
import { parseDuration } from '../duration.ts'
import { CliError, UsageError } from '../errors.ts'
import { print } from '../output.ts'

const HOUR_MS = 3_600_000

export function addToken(program: Command): void {
  const command = program
    .command('token')
    .description('print a token for a user, signed with the secret of the configuration')
    .argument('<user>', 'user id: 1 to 128 characters of A-Z a-z 0-9 _ . @ -')
    .option(
      '--ttl <duration>',
      'how long it is valid: 90s, 15m, 1h, 7d (default: 1h)',
      parseDuration,
    )
  addConfigFlags(command, ['data']).action(async (user: string, options: { ttl?: number }) => {
    if (!isUserId(user)) {
      throw new UsageError('A user id is 1 to 128 characters of A-Z a-z 0-9 _ . @ -')
    }
    const { config } = loadConfig({ ...options })
    const secret = config.auth.jwt_secret ?? readDevSecret(config.data)
    if (secret === undefined) {
      const { env } = CONFIG_KEYS.find(({ path }) => path === 'auth.jwt_secret') ?? {}
      throw new CliError(
        `There is no secret to sign with. Set ${env}, or start \`tidewire serve --dev\` once.`,
      )
    }
    const ttlMs = options.ttl ?? HOUR_MS
    const { token } = await issueToken({ secret, user, ttlMs, now: Date.now() })
    print(token)
  })
}
