import type { JsonObject, ProtocolError } from '@tidewire/protocol'
import type { Actor } from '../core/ports/actor.ts'
import type { Observer } from '../core/ports/observer.ts'
import type { PublishReceipt, Service } from '../core/ports/service.ts'
import { toProtocolError } from './http-errors.ts'
import { ChannelPath, check, PublishBody, PublishManyBody } from './http-schemas.ts'

/** What a request to publish is answered with. */
export interface PublishAnswer {
  status: 200 | 201
  body: object
}

/** Publishing over HTTP, whichever way the request came. Both reject with `ProtocolError`. */
export class Publications {
  readonly #service: Service
  readonly #observer: Observer

  constructor({ service, observer }: { service: Service; observer: Observer }) {
    this.#service = service
    this.#observer = observer
  }

  /** `POST /v1/channels/{channel}/publications`. Throws before the body is read for what is no channel. */
  async one(
    actor: Actor,
    params: { channel: string },
    readBody: () => Promise<JsonObject>,
  ): Promise<PublishAnswer> {
    const { channel } = check(ChannelPath, params)
    const { type, payload = {}, message_id } = check(PublishBody, await readBody())
    const frame = { type, payload, ...(message_id === undefined ? {} : { message_id }) }
    const receipt = await this.#service.publish(actor, { channel, ...frame })
    return { status: receipt.duplicate ? 200 : 201, body: toBody(receipt) }
  }

  /** `POST /v1/publications`. What is refused of it is told in its place. */
  async many(actor: Actor, readBody: () => Promise<JsonObject>): Promise<PublishAnswer> {
    const { channels, type, payload = {}, message_id } = check(PublishManyBody, await readBody())
    const frame = { type, payload, ...(message_id === undefined ? {} : { message_id }) }
    const receipts = await this.#service.publishMany(actor, channels, frame)
    const results = receipts.map((receipt, i) =>
      receipt.status === 'fulfilled'
        ? toBody(receipt.value, channels[i])
        : { channel: channels[i], error: this.#toError(receipt.reason).toPayload() },
    )
    return { status: 200, body: { results } }
  }

  #toError(error: unknown): ProtocolError {
    return toProtocolError(error, this.#observer, 'http')
  }
}

/** In this order, and nothing that a broker adds. */
function toBody(receipt: PublishReceipt, channel?: string): object {
  const { epoch, offset, message_id, duplicate } = receipt
  // JSON leaves out what is undefined.
  return { channel, epoch, offset, message_id, duplicate }
}
