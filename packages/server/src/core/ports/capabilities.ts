import { isChannelName, isNamespaceName, ProtocolError } from '@tidewire/protocol'

/** What can be allowed or refused in a channel. `call`: ask the clients of a user, on the channel `user:<id>`. */
export type Action = 'subscribe' | 'publish' | 'history' | 'presence' | 'call'

const ACTIONS: readonly Action[] = ['subscribe', 'publish', 'history', 'presence', 'call']

/** Actions by channel pattern, as the claim `channels` of a token has them. */
export type Capabilities = ReadonlyMap<string, ReadonlySet<Action>>

const MAX_PATTERNS = 100

/**
 * Reads the claim `channels`: `{ "chat:*": ["subscribe", "publish"], "orders:42": ["*"] }`. A pattern is a channel, the
 * beginning of channels followed by `*`, or `*` for all.
 * Throws `authentication_failed` for anything else: half of what was meant would be granted otherwise.
 */
export function parseCapabilities(claim: unknown): Capabilities {
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) throw refused()
  const entries = Object.entries(claim)
  if (entries.length > MAX_PATTERNS) throw refused()
  return new Map(
    entries.map(([pattern, actions]) => {
      if (!isPattern(pattern) || !Array.isArray(actions)) throw refused()
      return [pattern, new Set(actions.flatMap(toActions))]
    }),
  )
}

/** Whether one of the patterns that match the channel has the action. */
export function grants(capabilities: Capabilities, action: Action, channel: string): boolean {
  for (const [pattern, actions] of capabilities) {
    if (actions.has(action) && matches(pattern, channel)) return true
  }
  return false
}

function matches(pattern: string, channel: string): boolean {
  return pattern.endsWith('*') ? channel.startsWith(pattern.slice(0, -1)) : channel === pattern
}

function isPattern(pattern: string): boolean {
  if (pattern === '*') return true
  if (!pattern.endsWith('*')) return isChannelName(pattern)
  const colon = pattern.indexOf(':')
  if (colon < 0) return false
  // `chat:*` has nothing between colon and star: what would follow is a name, too.
  return isNamespaceName(pattern.slice(0, colon)) && isChannelName(`${pattern.slice(0, -1)}x`)
}

function toActions(word: unknown): readonly Action[] {
  if (word === '*') return ACTIONS
  const action = ACTIONS.find((known) => known === word)
  if (action === undefined) throw refused()
  return [action]
}

function refused(): ProtocolError {
  return new ProtocolError(
    'authentication_failed',
    '`channels` of the token is not valid: it maps channel patterns to lists of subscribe, publish, history, presence, call.',
  )
}
