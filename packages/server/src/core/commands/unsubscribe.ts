import type { Command } from '../core.ts'
import { parse } from './parse.ts'

/** Ends the channel's deliveries. Leaving a channel that was not subscribed is no error: the outcome is the same. */
export const unsubscribe: Command = (session, envelope) => {
  const { channel } = parse('unsubscribe', envelope.payload)
  const subscription = session.subscriptions.get(channel)
  if (subscription !== undefined) session.drop(subscription)
  return { type: 'unsubscribed', payload: { channel } }
}
