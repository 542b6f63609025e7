import { type Down, ProtocolError, type Up } from '@tidewire/protocol'
import type { Command, Core } from '../core.ts'
import type { Namespace } from '../namespaces.ts'
import type { Session } from '../session.ts'
import { type Start, Subscription } from '../subscription.ts'
import { parse } from './parse.ts'

const DEFAULT_INTERVAL_MS = 100

export const subscribe: Command = (session, { payload, metadata }, core) =>
  subscribeTo(session, parse('subscribe', payload), core, (subscribed) => {
    session.send('subscribed', subscribed, metadata.message_id)
  })

/**
 * Joins the hub first, holding what comes, and then reads the log: nothing falls between the two. Subscribing to a
 * channel again starts its stream anew. `announce` tells the client where it starts, before anything of it.
 */
export async function subscribeTo(
  session: Session,
  { channel, since, mode, interval_ms, ...asked }: Up['subscribe'],
  core: Core,
  announce: (subscribed: Down['subscribed']) => void,
): Promise<undefined> {
  const namespace = core.namespaces.of(channel)
  const last = asked.last && session.takeHistory(asked.last)
  const existing = session.subscriptions.get(channel)
  if (existing !== undefined) session.drop(existing)
  else if (session.subscriptions.size >= core.limits.max_channels) throw tooMany(core)
  const latestMs = mode === 'latest' ? (interval_ms ?? DEFAULT_INTERVAL_MS) : undefined
  const subscription = new Subscription(channel, namespace.broker, session, core.conflations, {
    latestMs,
  })
  session.subscriptions.set(subscription)
  try {
    const permission = permit(session, channel, { since, last }, core)
    const mayRecover = typeof permission === 'boolean' ? permission : await permission
    if (session.subscriptions.get(channel) !== subscription) throw leftMeanwhile()
    await begin(subscription, namespace, { since, last, mayRecover }, announce, core)
  } catch (error) {
    session.drop(subscription)
    throw error
  }
  if (session.subscriptions.get(channel) !== subscription) return
  subscription.announced = true
  core.lifecycle.tell('subscribed', session, channel)
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
  announce: (subscribed: Down['subscribed']) => void,
  core: Core,
): Promise<void> {
  // Without a wait where none is needed: what the client publishes next is then part of the stream.
  const joined = core.channels.join(subscription)
  if (joined !== undefined) await joined
  if (namespace.policy.durability === 'none') {
    const subscribed = subscription.startUnlogged(start.since)
    if (subscribed !== undefined) return announce(subscribed)
  } else if (await subscription.start(start, announce)) {
    return
  }
  throw leftMeanwhile()
}

function tooMany({ limits }: Core): ProtocolError {
  return new ProtocolError(
    'rate_limited',
    `A connection may subscribe to ${limits.max_channels} channels. Leave one, or open another connection.`,
    // Waiting does not help.
    { temporary: false },
  )
}

function leftMeanwhile(): ProtocolError {
  return new ProtocolError('conflict', 'The channel was left, or subscribed to again, meanwhile.')
}
