import type { Command } from '../core.ts'

/** Any event with `metadata.channel`. Answered by `ack` when the log holds it. */
export const publish: Command = (session, { type, payload, metadata }, core) => {
  const channel = metadata.channel!
  const namespace = core.namespaces.of(channel)
  const permission = core.gate.permit(session.actor!, 'publish', channel)
  return session.inOrder(permission, () => {
    const draft = core.draft(channel, type, payload, metadata.message_id, session)
    return core.channels.publish(namespace, draft).then((receipt) => ({
      type: 'ack',
      payload: { channel, ...receipt },
    }))
  })
}
