import type { Command } from '../core.ts'
import { permit } from '../permissions.ts'

/** Any event with `metadata.channel`. Answered by `ack` when the log holds it. */
export const publish: Command = (session, { type, payload, metadata }, core) => {
  const channel = metadata.channel!
  const namespace = core.namespaces.of(channel)
  permit(session.actor!, 'publish', namespace)
  const draft = core.draft(channel, type, payload, metadata.message_id, session)
  return core.publishDraft(namespace, draft).then((receipt) => ({
    type: 'ack',
    payload: { channel, ...receipt },
  }))
}
