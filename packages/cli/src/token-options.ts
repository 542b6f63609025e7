import { parseCapabilities, ProtocolError } from '@tidewire/server'
import { InvalidArgumentError } from 'commander'

/** The claim `channels` of a token: actions by channel pattern. */
export type Channels = Record<string, string[]>

/** Reads `{"chat:*":["subscribe","publish"]}`. Throws `InvalidArgumentError`. */
export function parseChannels(text: string): Channels {
  let channels: unknown
  try {
    channels = JSON.parse(text)
  } catch {
    throw new InvalidArgumentError('It is not JSON.')
  }
  return checked(channels)
}

/** Reads `subscribe,publish=chat:*` and adds it to what was given before. Throws `InvalidArgumentError`. */
export function parseAllow(text: string, before: Channels = {}): Channels {
  const [, actions = '', pattern = ''] = /^([a-z*,]+)=(.+)$/.exec(text) ?? []
  if (pattern === '') throw new InvalidArgumentError('Write it as subscribe,publish=chat:*.')
  const all = [...(before[pattern] ?? []), ...actions.split(',')]
  return checked({ ...before, [pattern]: [...new Set(all)] })
}

function checked(channels: unknown): Channels {
  try {
    parseCapabilities(channels)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    throw new InvalidArgumentError(
      'It maps channels, or patterns such as chat:*, to subscribe, publish, history, presence, call or *.',
    )
  }
  return channels as Channels
}
