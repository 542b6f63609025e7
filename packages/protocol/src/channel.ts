import { ProtocolError } from './errors.ts'

/** The grammar of a channel name. It ends at 233 characters, so the 255 of PROTOCOL.md §1 hold by themselves. */
export const CHANNEL_NAME = /^[a-z][a-z0-9-]{0,31}:[A-Za-z0-9_.,=@/:-]{1,200}$/
const NAMESPACE = /^[a-z][a-z0-9-]{0,31}$/

/** Whether `name` is a channel name (PROTOCOL.md §1). Names are compared byte by byte and never normalised. */
export function isChannelName(name: unknown): name is string {
  return typeof name === 'string' && CHANNEL_NAME.test(name)
}

/** Whether `name` may stand before the colon of a channel name. */
export function isNamespaceName(name: string): boolean {
  return NAMESPACE.test(name)
}

/** The namespace of a valid channel name. Throws `bad_envelope` for anything else. */
export function namespaceOf(channel: unknown): string {
  if (!isChannelName(channel)) {
    throw new ProtocolError(
      'bad_envelope',
      'The channel name is not valid: it is `namespace:rest`, such as `chat:general`.',
    )
  }
  return channel.slice(0, channel.indexOf(':'))
}
