import { type Envelope, ProtocolError } from '@tidewire/protocol'
import type { Command, Core, Reply } from '../core.ts'
import type { Actor } from '../ports/actor.ts'
import type { Session } from '../session.ts'
import { recheck } from '../revalidation.ts'
import { parse } from './parse.ts'

/** The first frame of a connection that came without a token. */
export const auth: Command = async (session, envelope, core) => {
  const actor = await authenticate('auth', session, envelope, core)
  if (session.isClosed) return undefined
  if (session.actor !== undefined && session.user !== undefined && session.user !== actor.user) {
    throw new ProtocolError('authentication_failed', 'The connection belongs to another user.')
  }
  return become(session, actor, core)
}

/** A newer token of the same user. When it is refused, the old one stays. */
export const refresh: Command = async (session, envelope, core) => {
  try {
    const actor = await authenticate('refresh', session, envelope, core)
    if (session.isClosed) return undefined
    if (actor.user !== session.user || actor.kind !== session.actor?.kind) {
      throw new ProtocolError('authentication_failed', 'The token belongs to another user.')
    }
    if ((actor.expires_at ?? Infinity) < (session.actor.expires_at ?? Infinity)) {
      throw new ProtocolError('authentication_failed', 'The token expires before the current one.')
    }
    return become(session, actor, core)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    const refused =
      error.reason === 'session_expired'
        ? new ProtocolError('authentication_failed', error.message)
        : error
    session.noteRefusal(refused, 'refresh')
    return { type: 'error', payload: refused.toPayload() }
  }
}

function become(session: Session, actor: Actor, core: Core): Reply {
  // Who was revoked while the token was looked at.
  core.rights.check(actor)
  session.become(actor)
  // What the token does not grant ends now; what somebody else is asked about, when there is an answer.
  for (const subscription of session.subscriptions.values()) {
    void recheck(core, session, subscription)
  }
  return {
    type: 'auth_response',
    payload: {
      status: 'ok',
      user: actor.user ?? actor.kind,
      ...(actor.expires_at === undefined
        ? {}
        : { expires_at: new Date(actor.expires_at).toISOString() }),
    },
  }
}

function authenticate(
  type: 'auth' | 'refresh',
  { connection }: Session,
  { payload }: Envelope,
  core: Core,
): Promise<Actor> {
  return core.identity.of(parse(type, payload).token, connection.address)
}
