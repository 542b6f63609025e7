import type { ProtocolError } from '@tidewire/protocol'
import type { Core } from './core.ts'
import type { Session } from './session.ts'
import type { Subscription } from './subscription.ts'

/** Sessions whose rights are looked at together; the next ones wait for their answers. */
const SLICE = 100

/** Looks at all open sessions again: their tokens may have been revoked, their users' rights withdrawn. */
export async function revalidateAll(core: Core): Promise<void> {
  const sessions = core.sessions.all()
  for (let i = 0; i < sessions.length; i += SLICE) {
    await Promise.all(sessions.slice(i, i + SLICE).map((session) => revalidate(core, session)))
  }
}

/** Ends the session when its token is refused now, and those of its subscriptions that are. Never rejects. */
async function revalidate(core: Core, session: Session): Promise<void> {
  const { actor } = session
  if (actor === undefined || session.isClosed) return
  try {
    core.rights.check(actor)
  } catch (error) {
    return session.end(error as ProtocolError)
  }
  const changeable = [...session.subscriptions.values()].filter(({ channel }) =>
    core.gate.isChangeable({ actor, action: 'subscribe', channel }),
  )
  await Promise.all(changeable.map((subscription) => recheck(core, session, subscription)))
}

/** Ends the subscription when its user may no longer subscribe to the channel, or nobody can tell. Never rejects. */
export async function recheck(
  core: Core,
  session: Session,
  subscription: Subscription,
): Promise<void> {
  const { channel } = subscription
  const { actor } = session
  if (actor === undefined) return
  try {
    await core.gate.permit(actor, 'subscribe', channel)
  } catch (error) {
    // Another token came meanwhile, whose rights were looked at when it did.
    if (session.actor !== actor || session.subscriptions.get(channel) !== subscription) return
    // The gate throws nothing else.
    session.endSubscription(subscription, error as ProtocolError)
  }
}
