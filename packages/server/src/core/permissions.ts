import { ProtocolError } from '@tidewire/protocol'
import type { Namespace } from './namespaces.ts'
import type { Actor } from './ports/actor.ts'

/** Who may do something in a namespace. `server` covers backends with a server key, which may do everything. */
export type Rule = 'anyone' | 'user' | 'server'

export type Action = 'publish' | 'subscribe' | 'history'

/** Whether the namespace allows the actor the action. */
export function permits(actor: Actor, action: Action, { policy }: Namespace): boolean {
  const rule = policy[action]
  return rule === 'anyone' || actor.kind === 'server' || actor.kind === rule
}

/** Throws `authentication_required` or `forbidden` unless the namespace allows the actor the action. */
export function permit(actor: Actor, action: Action, namespace: Namespace): void {
  if (permits(actor, action, namespace)) return
  if (actor.kind === 'anyone') throw required()
  throw new ProtocolError(
    'forbidden',
    `Only a server key may ${VERB[action]} channels of the namespace \`${namespace.name}\`.`,
  )
}

/** Throws `forbidden` for everybody but backends with a server key. */
export function permitServer(actor: Actor): void {
  if (actor.kind === 'server') return
  if (actor.kind === 'anyone') throw required()
  throw new ProtocolError('forbidden', 'Only a server key may do this.')
}

const VERB = { publish: 'publish to', subscribe: 'subscribe to', history: 'read the history of' }

export function required(): ProtocolError {
  return new ProtocolError(
    'authentication_required',
    'Send a token: as `Authorization: Bearer`, as `?token=`, or in a first frame `auth`.',
  )
}
