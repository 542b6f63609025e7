import { ProtocolError } from '@tidewire/protocol'
import type { Command } from '../core.ts'
import { permit, permits } from '../permissions.ts'
import { Subscription } from '../subscription.ts'
import { parse } from './parse.ts'

const DEFAULT_INTERVAL_MS = 100

/**
 * Joins the hub first, holding what comes, and then reads the log: nothing falls between the two. Subscribing to a
 * channel again starts its stream anew.
 */
export const subscribe: Command = async (session, envelope, core) => {
  const { channel, since, last, mode, interval_ms } = parse('subscribe', envelope.payload)
  const namespace = core.namespaces.of(channel)
  permit(session.actor!, 'subscribe', namespace)
  if (last !== undefined) permit(session.actor!, 'history', namespace)
  const existing = session.subscriptions.get(channel)
  if (existing !== undefined) core.leave(existing)
  else if (session.subscriptions.size >= core.limits.max_channels) {
    throw new ProtocolError(
      'rate_limited',
      `A connection may subscribe to ${core.limits.max_channels} channels. Leave one, or open another connection.`,
    )
  }
  const start = {
    since,
    last,
    // Who may listen but not look back comes back to a gap, not to a refusal.
    mayRecover: permits(session.actor!, 'history', namespace),
    latestMs: mode === 'latest' ? (interval_ms ?? DEFAULT_INTERVAL_MS) : undefined,
  }
  const subscription = new Subscription(channel, namespace.broker, session, core.clock, start)
  session.subscriptions.set(channel, subscription)
  try {
    // Without a wait where none is needed: what the client publishes next is then part of the stream.
    const joined = core.join(subscription)
    if (joined !== undefined) await joined
    if (namespace.policy.durability === 'none') {
      const payload = subscription.startUnlogged(since)
      if (payload !== undefined) return { type: 'subscribed', payload }
    } else if (await subscription.start(start, envelope.metadata.message_id)) {
      return undefined
    }
    throw new ProtocolError('conflict', 'The channel was left, or subscribed to again, meanwhile.')
  } catch (error) {
    if (session.subscriptions.get(channel) === subscription) session.subscriptions.delete(channel)
    core.leave(subscription)
    throw error
  }
}
