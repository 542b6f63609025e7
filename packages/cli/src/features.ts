import { type Config, CONFIG_KEYS, readVapidPair } from '@tidewire/server'
import type { Finding } from './checks.ts'

const SECRETS = new Set(CONFIG_KEYS.filter(({ secret }) => secret).map(({ path }) => path))

/** What runs on top of the channels, with the options that are set; secrets are said to be set, and no more. */
export function checkFeatures({ features }: Config): Finding[] {
  const check = 'features'
  const found = Object.entries(features).map(([name, options]): Finding => {
    const set = shownOptions(options, `features.${name}`)
    return { check, level: 'ok', message: [name, ...set].join(', ') }
  })
  if (found.length === 0) return [{ check, level: 'ok', message: 'none: channels alone' }]
  return [...found, ...webPushFindings(features)]
}

function webPushFindings({ notifications }: Config['features']): Finding[] {
  const check = 'web push'
  if (notifications === undefined) return []
  const { enabled, subject, key_file, public_key } = notifications.web_push
  if (!enabled) return [{ check, level: 'ok', message: 'off: nobody is pushed anything' }]
  let keys = public_key
  try {
    keys ??= key_file && readVapidPair(key_file).public_key
  } catch (error) {
    const remedy = `Make it with \`tidewire webpush keys --file ${key_file}\`, or correct features.notifications.web_push.key_file.`
    return [{ check, level: 'fail', message: (error as Error).message, remedy }]
  }
  const message = keys === undefined ? 'keys that are made and kept in data' : `public key ${keys}`
  if (subject !== undefined) return [{ check, level: 'ok', message: `${message}, ${subject}` }]
  const remedy =
    'Set features.notifications.web_push.subject to mailto: and an address: push services write there when something is wrong.'
  return [{ check, level: 'warn', message: `${message}, no subject`, remedy }]
}

function shownOptions(options: object, path: string, prefix = ''): string[] {
  return Object.entries(options).flatMap(([name, value]: [string, unknown]) => {
    const at = `${path}.${name}`
    if (SECRETS.has(at)) return [`${prefix}${name} set`]
    if (Array.isArray(value)) return [`${prefix}${name} ${value.join(' ')}`]
    if (typeof value === 'object' && value !== null) {
      return shownOptions(value, at, `${prefix}${name}.`)
    }
    return [`${prefix}${name} ${String(value)}`]
  })
}
