import type { Publication } from '@tidewire/protocol'
import type { Command, Core, Reply } from '../core.ts'
import { AlreadyHeld } from '../interceptors.ts'
import type { Namespace } from '../namespaces.ts'
import type { Receipt } from '../ports/broker.ts'

/** Any event with `metadata.channel`. Answered by `ack` when the log holds it. */
export const publish: Command = (session, { type, payload, metadata }, core) => {
  const channel = metadata.channel!
  const namespace = core.namespaces.of(channel)
  const actor = session.actor!
  const permission = core.gate.permit(actor, 'publish', channel)
  if (core.interceptors.has(namespace.name)) {
    const draft = core.draft(channel, type, payload, metadata.message_id, session)
    let passed: Publication | AlreadyHeld = draft
    const permitted = (permission ?? Promise.resolve())
      .then(() => core.interceptors.pass(namespace.name, draft, actor))
      .then((it) => void (passed = it))
    return session.inOrder(permitted, () =>
      passed instanceof AlreadyHeld
        ? ack(channel, passed.receipt)
        : submit(passed, namespace, core),
    )
  }
  return session.inOrder(permission, () => {
    const draft = core.draft(channel, type, payload, metadata.message_id, session)
    return submit(draft, namespace, core)
  })
}

function submit(
  draft: Publication,
  namespace: Namespace,
  { channels }: Core,
): Promise<Reply> | Reply {
  const { channel } = draft.metadata
  const receipt = channels.publish(namespace, draft)
  return receipt instanceof Promise ? receipt.then((it) => ack(channel, it)) : ack(channel, receipt)
}

function ack(channel: string, receipt: Receipt): Reply {
  return { type: 'ack', payload: { channel, ...receipt } }
}
