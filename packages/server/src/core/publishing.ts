import { isEventName, isMessageId, isReserved, ProtocolError } from '@tidewire/protocol'
import { addressKey } from './address-key.ts'
import type { Core } from './core.ts'
import { boundFrame } from './frame-size.ts'
import { AlreadyHeld } from './interceptors.ts'
import type { Namespace } from './namespaces.ts'
import type { Actor } from './ports/actor.ts'
import type { PublishReceipt, PublishRequest } from './ports/service.ts'

type Frame = Omit<PublishRequest, 'channel'>

/** Publishes that come over no session: by HTTP, and from features. What can be told at once takes no turn. */
export class Publishing {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /** As `Service.publish`, but for the audit log. */
  async one(actor: Actor, { channel, ...frame }: PublishRequest): Promise<PublishReceipt> {
    return this.#publish(actor, channel, frame, false)
  }

  /** Each as `one`, in their order; those that can be at once in one turn. */
  async many(
    actor: Actor,
    channels: readonly string[],
    frame: Frame,
  ): Promise<PromiseSettledResult<PublishReceipt>[]> {
    // Where the frame with the longest name is small enough, all are.
    const longest = channels.reduce((one, other) => (other.length > one.length ? other : one), '')
    const fits = this.#fits(longest, frame)
    const results: PromiseSettledResult<PublishReceipt>[] = []
    const later: Promise<void>[] = []
    for (const [i, channel] of channels.entries()) {
      const told = (value: PublishReceipt): void =>
        void (results[i] = { status: 'fulfilled', value })
      const refused = (reason: unknown): void => void (results[i] = { status: 'rejected', reason })
      try {
        const receipt = this.#publish(actor, channel, frame, fits)
        if (receipt instanceof Promise) later.push(receipt.then(told, refused))
        else told(receipt)
      } catch (error) {
        refused(error)
      }
    }
    await Promise.all(later)
    return results
  }

  /** Throws what can be told at once. */
  #publish(
    actor: Actor,
    channel: string,
    frame: Frame,
    fits: boolean,
  ): Promise<PublishReceipt> | PublishReceipt {
    const { rates, namespaces, gate, interceptors } = this.#core
    if (actor.kind !== 'server') {
      rates?.publish(frame.type, actor.user, addressKey(actor.address ?? ''), undefined)
    }
    const namespace = namespaces.of(channel)
    const permission = gate.permit(actor, 'publish', channel)
    if (permission !== undefined || interceptors.has(namespace.name)) {
      return this.#publishLater(permission, actor, channel, frame, namespace)
    }
    this.#check(actor, channel, frame, fits)
    return this.#submit(this.#draft(actor, channel, frame), namespace)
  }

  /** Where somebody has to be asked. */
  async #publishLater(
    permission: Promise<void> | undefined,
    actor: Actor,
    channel: string,
    frame: Frame,
    namespace: Namespace,
  ): Promise<PublishReceipt> {
    await permission
    this.#check(actor, channel, frame, false)
    const draft = this.#draft(actor, channel, frame)
    const passed = await this.#core.interceptors.pass(namespace.name, draft, actor)
    const { message_id } = draft.metadata
    if (passed instanceof AlreadyHeld) return { ...passed.receipt, message_id }
    return this.#submit(passed, namespace)
  }

  #check(actor: Actor, channel: string, frame: Frame, fits: boolean): void {
    // Somebody may have been asked for a while.
    this.#core.rights.check(actor)
    const { type, message_id, reserved = false } = frame
    if (!isEventName(type) || (isReserved(type) && !reserved)) {
      throw new ProtocolError(
        'bad_envelope',
        'The type is not the name of an event, such as `message`, or is one of the protocol.',
      )
    }
    if (message_id !== undefined && !isMessageId(message_id)) {
      throw new ProtocolError('bad_envelope', '`message_id` is not a text of 1 to 128 characters.')
    }
    if (!fits) this.#bound(channel, frame)
  }

  /** What the same publish costs as a frame, so that every transport takes the same. */
  #bound(channel: string, { type, payload, message_id }: Frame): void {
    const metadata = message_id === undefined ? { channel } : { channel, message_id }
    boundFrame({ type, payload, metadata }, this.#core.limits.max_frame_bytes)
  }

  #fits(channel: string, frame: Frame): boolean {
    try {
      this.#bound(channel, frame)
      return true
    } catch (error) {
      if (error instanceof ProtocolError) return false
      throw error
    }
  }

  #draft(actor: Actor, channel: string, { type, payload, message_id }: Frame) {
    return this.#core.draft(channel, type, payload, message_id, { user: actor.user })
  }

  #submit(
    draft: ReturnType<Core['draft']>,
    namespace: Namespace,
  ): Promise<PublishReceipt> | PublishReceipt {
    const { message_id } = draft.metadata
    const receipt = this.#core.channels.publish(namespace, draft)
    return receipt instanceof Promise
      ? receipt.then((it) => ({ ...it, message_id }))
      : { ...receipt, message_id }
  }
}
