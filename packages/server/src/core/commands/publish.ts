import type { Publication } from '@tidewire/protocol'
import type { Command, Core, Reply } from '../core.ts'
import type { Namespace } from '../namespaces.ts'

/** Any event with `metadata.channel`. Answered by `ack` when the log holds it. */
export const publish: Command = (session, { type, payload, metadata }, core) => {
  const channel = metadata.channel!
  const namespace = core.namespaces.of(channel)
  const actor = session.actor!
  const permission = core.gate.permit(actor, 'publish', channel)
  if (core.interceptors.has(namespace.name)) {
    let draft = core.draft(channel, type, payload, metadata.message_id, session)
    const passed = (permission ?? Promise.resolve())
      .then(() => core.interceptors.pass(namespace.name, draft, actor))
      .then((it) => void (draft = it))
    return session.inOrder(passed, () => submit(draft, namespace, core))
  }
  return session.inOrder(permission, () => {
    const draft = core.draft(channel, type, payload, metadata.message_id, session)
    return submit(draft, namespace, core)
  })
}

function submit(draft: Publication, namespace: Namespace, { channels }: Core): Promise<Reply> {
  return channels.publish(namespace, draft).then((receipt) => ({
    type: 'ack',
    payload: { channel: draft.metadata.channel, ...receipt },
  }))
}
