import { ProtocolError } from '@tidewire/protocol'
import type { Command, Core, Reply } from '../core.ts'
import type { Namespace } from '../namespaces.ts'
import type { Session } from '../session.ts'
import { type Start, Subscription } from '../subscription.ts'
import { parse } from './parse.ts'

const DEFAULT_INTERVAL_MS = 100

/**
 * Joins the hub first, holding what comes, and then reads the log: nothing falls between the two. Subscribing to a
 * channel again starts its stream anew.
 */
export const subscribe: Command = async (session, envelope, core) => {
  const { channel, since, mode, interval_ms, ...asked } = parse('subscribe', envelope.payload)
  const namespace = core.namespaces.of(channel)
  const last = asked.last && session.takeHistory(asked.last)
  const existing = session.subscriptions.get(channel)
  if (existing !== undefined) core.channels.leave(existing)
  else if (session.subscriptions.size >= core.limits.max_channels) {
    throw new ProtocolError(
      'rate_limited',
      `A connection may subscribe to ${core.limits.max_channels} channels. Leave one, or open another connection.`,
      // Waiting does not help.
      { temporary: false },
    )
  }
  const latestMs = mode === 'latest' ? (interval_ms ?? DEFAULT_INTERVAL_MS) : undefined
  const subscription = new Subscription(channel, namespace.broker, session, core.clock, {
    latestMs,
  })
  session.subscriptions.set(channel, subscription)
  try {
    const permission = permit(session, channel, { since, last }, core)
    const mayRecover = typeof permission === 'boolean' ? permission : await permission
    if (session.subscriptions.get(channel) !== subscription) throw leftMeanwhile()
    const start = { since, last, mayRecover }
    return await begin(subscription, namespace, start, envelope.metadata.message_id, core)
  } catch (error) {
    if (session.subscriptions.get(channel) === subscription) session.subscriptions.delete(channel)
    core.channels.leave(subscription)
    throw error
  }
}

/** Whether the log may be read, too. Who may listen but not look back comes back to a gap, not to a refusal. */
function permit(
  { actor }: Session,
  channel: string,
  { since, last }: Start,
  { gate }: Core,
): boolean | Promise<boolean> {
  const permission = gate.permit(actor!, 'subscribe', channel)
  const look = (): boolean | Promise<boolean> => {
    if (last !== undefined) return gate.permit(actor!, 'history', channel)?.then(() => true) ?? true
    return since === undefined || gate.allows(actor!, 'history', channel)
  }
  return permission === undefined ? look() : permission.then(look)
}

async function begin(
  subscription: Subscription,
  namespace: Namespace,
  start: Start,
  correlationId: string | undefined,
  core: Core,
): Promise<Reply | undefined> {
  // Without a wait where none is needed: what the client publishes next is then part of the stream.
  const joined = core.channels.join(subscription)
  if (joined !== undefined) await joined
  if (namespace.policy.durability === 'none') {
    const payload = subscription.startUnlogged(start.since)
    if (payload !== undefined) return { type: 'subscribed', payload }
  } else if (await subscription.start(start, correlationId)) {
    return undefined
  }
  throw leftMeanwhile()
}

function leftMeanwhile(): ProtocolError {
  return new ProtocolError('conflict', 'The channel was left, or subscribed to again, meanwhile.')
}
