import { ProtocolError } from '@tidewire/protocol'
import type { Core } from './core.ts'
import type { Clock } from './ports/clock.ts'
import type { Session } from './session.ts'
import type { Subscription } from './subscription.ts'

/** Questions of a sweep that are under way at a time: as many as a hook is asked. The next one waits for an answer. */
const AT_ONCE = 100
/** As long as the timeout of a hook may be. An application that is asked directly has no other. */
const PATIENCE_MS = 60_000
/** Questions about one namespace that nobody answers, in a row, until a sweep asks no more of them. */
const MAX_SILENCES = 5

interface Open {
  session: Session
  subscription: Subscription
}

/**
 * Looks at all open sessions again: their tokens may have been revoked, their users' rights withdrawn. However many they
 * are, no question waits for a slow one; of a hook that never answers everything is closed within twice `PATIENCE_MS`.
 */
export async function revalidateAll(core: Core): Promise<void> {
  for (const session of core.sessions.all()) endIfRevoked(core, session)
  const open = changeable(core)
  const silences = new Map<string, number>()
  const look = async (): Promise<void> => {
    for (const { session, subscription } of open) {
      const { name } = core.namespaces.of(subscription.channel)
      if ((silences.get(name) ?? 0) >= MAX_SILENCES) {
        session.endSubscription(subscription, unanswered())
        continue
      }
      const isAnswered = await recheck(core, session, subscription)
      silences.set(name, isAnswered ? 0 : (silences.get(name) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, look))
}

function endIfRevoked(core: Core, session: Session): void {
  const { actor } = session
  if (actor === undefined || session.isClosed) return
  try {
    core.rights.check(actor)
  } catch (error) {
    session.end(error as ProtocolError)
  }
}

/** What can be refused although the token stays the same, and is open when its turn comes. */
function* changeable(core: Core): Generator<Open> {
  for (const session of core.sessions.all()) {
    const { actor } = session
    if (actor === undefined) continue
    const asked = [...session.subscriptions.values()].filter(({ channel }) =>
      core.gate.isChangeable({ actor, action: 'subscribe', channel }),
    )
    for (const subscription of asked) {
      if (session.subscriptions.get(subscription.channel) !== subscription) continue
      yield { session, subscription }
    }
  }
}

/**
 * Ends the subscription when its user may no longer subscribe to the channel, or nobody can tell. False when nobody
 * answered in time. Never rejects.
 */
export async function recheck(
  core: Core,
  session: Session,
  subscription: Subscription,
): Promise<boolean> {
  const { channel } = subscription
  const { actor } = session
  if (actor === undefined) return true
  const end = (error: ProtocolError): void => {
    // Another token came meanwhile, whose rights were looked at when it did.
    if (session.actor !== actor || session.subscriptions.get(channel) !== subscription) return
    session.endSubscription(subscription, error)
  }
  try {
    const asked = core.gate.permit(actor, 'subscribe', channel)
    if (asked === undefined || (await isSettledInTime(core.clock, asked))) return true
  } catch (error) {
    // The gate throws nothing else.
    end(error as ProtocolError)
    return true
  }
  const error = unanswered()
  core.observer.failed('permission', error)
  end(error)
  return false
}

function isSettledInTime(clock: Clock, asked: Promise<void>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(PATIENCE_MS, () => resolve(false))
    asked.then(() => resolve(true), reject).finally(cancel)
  })
}

function unanswered(): ProtocolError {
  const seconds = PATIENCE_MS / 1000
  const message = `Nobody answered within ${seconds} s whether this is permitted. Try again.`
  return new ProtocolError('unavailable', message)
}
