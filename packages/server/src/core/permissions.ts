import { ProtocolError } from '@tidewire/protocol'
import type { Namespace } from './namespaces.ts'
import type { Actor } from './ports/actor.ts'
import type { Action } from './ports/capabilities.ts'

/**
 * Who may do something in a namespace. `owner`: the user that the channel is named after (`user:ada`, `dm:ada,bob`,
 * `cart:ada/items`). `member`: who was made a member of the channel. `server`: backends with a server key, which may do
 * everything anyway.
 */
export type Rule = 'anyone' | 'user' | 'member' | 'owner' | 'server'

/** The rule of the namespace for an action. Calls are for servers, and for who has a token that grants them. */
export function ruleOf({ policy }: Namespace, action: Action): Rule {
  return action === 'call' ? 'server' : policy[action]
}

/** Whether the channel is named after the user: the first part of what follows the colon, or one of its comma list. */
export function owns(user: string | undefined, channel: string): boolean {
  if (user === undefined) return false
  const [first = ''] = channel.slice(channel.indexOf(':') + 1).split(/[/:]/, 1)
  return first.split(',').includes(user)
}

/** Throws `forbidden` for everybody but backends with a server key. */
export function permitServer(actor: Actor): void {
  if (actor.kind === 'server') return
  if (actor.kind === 'anyone') throw required()
  throw new ProtocolError('forbidden', 'Only a server key may do this.')
}

/** The refusal of an action. Says nothing of what the channel holds, or whether it exists. */
export function forbidden(
  actor: Actor,
  action: Action,
  channel: string,
  rule: Rule,
): ProtocolError {
  if (actor.kind === 'anyone') return required()
  const who = actor.channels === undefined ? WHO[rule] : 'The token does not grant this:'
  return new ProtocolError('forbidden', `${who} ${VERB[action]} \`${channel}\`.`)
}

export function required(): ProtocolError {
  return new ProtocolError(
    'authentication_required',
    'Send a token: `Authorization: Bearer`. Streams also take `?token=`, and a WebSocket a first frame `auth`.',
  )
}

const WHO: Record<Rule, string> = {
  anyone: 'You may not',
  user: 'You may not',
  member: 'Only a member may',
  owner: 'Only the user it is named after may',
  server: 'Only a server key may',
}

const VERB: Record<Action, string> = {
  publish: 'publish to',
  subscribe: 'subscribe to',
  history: 'read the history of',
  presence: 'see who is present in',
  call: 'call the clients of',
}
