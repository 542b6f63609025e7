import { writeFileSync } from 'node:fs'
import { createVapidPair } from '@tidewire/server'
import type { Command } from 'commander'
import { CliError } from '../errors.ts'
import { print, say } from '../output.ts'

const OWNER_ONLY = 0o600

export function addWebPush(program: Command): void {
  program
    .command('webpush')
    .description('what Web Push needs')
    .command('keys')
    .description('make a pair of keys (VAPID) and print it, or write it to a new file')
    .option('-f, --file <file>', 'a new file, for `features.notifications.web_push.key_file`')
    .option('--json', 'print JSON')
    .action(makeKeys)
}

function makeKeys({ file, json }: { file?: string; json?: boolean }): void {
  const pair = createVapidPair()
  const text = JSON.stringify(pair, undefined, 2)
  if (file !== undefined) {
    writeNew(file, `${text}\n`)
    print(pair.public_key)
    return say(
      `${file} holds both keys: name it in \`features.notifications.web_push.key_file\`, and keep it. Subscriptions of browsers end with it.`,
    )
  }
  if (json === true) return print(text)
  print(`public_key: ${pair.public_key}`)
  print(`private_key: ${pair.private_key}`)
  say(
    'Set them in `features.notifications.web_push`, and keep them: subscriptions of browsers end with them.',
  )
}

/** Never over a file that is there: browsers may have subscribed with its keys. */
function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: OWNER_ONLY })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      throw new CliError(`${path} is there already. Move it away, or use its keys.`)
    }
    throw new CliError(`${path} cannot be written (${code}).`)
  }
}
