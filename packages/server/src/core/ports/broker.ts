import type { JsonObject, Position, Publication } from '@tidewire/protocol'

/** What a publisher learns. `epoch` and `offset` are absent in channels without a log. */
export interface Receipt {
  epoch?: string
  offset?: number
  /** The log already held this `message_id`; `offset` is the first one and nothing was delivered. */
  duplicate: boolean
}

/** A slice of a channel's log. With `before` and without `after` it ends below `before`; otherwise it begins above `after`. */
export interface Range {
  after?: number | undefined
  before?: number | undefined
  /** ≥ 0. With 0 only the bounds of the log are asked for. */
  limit: number
}

/**
 * How much of payloads a page holds, in characters of their JSON: it ends early behind the publication that exceeds this.
 * Well below the bytes that may wait for one session, so that catching up does not look like a slow consumer.
 */
export const PAGE_CHARACTERS = 128 * 1024

/** Ascending by offset, at least one where there is any. An empty log has `oldest` = `newest` + 1. */
export interface Page {
  epoch: string
  oldest: number
  newest: number
  publications: readonly Publication[]
  /** The log holds further publications in the direction that was read, within the range. */
  more: boolean
}

/** A page as a broker reads it. */
export interface ReadPage extends Page {
  /** Each of the publications as JSON, where the broker has it at hand. */
  texts?: readonly string[]
}

/**
 * New publications of one channel, ascending, of one epoch; `epoch` is undefined in channels without a log. `texts`: each
 * of them as JSON, where the broker has it at hand.
 */
export type OnPublications = (
  channel: string,
  epoch: string | undefined,
  publications: readonly Publication[],
  texts?: readonly string[],
) => void

/**
 * Orders, keeps and carries the publications of a namespace.
 *
 * Order:     one total order per channel and epoch: offsets 1, 2, 3 … without holes. Two publishes of which the first
 *            was called before the second get ascending offsets.
 * Delivery:  a publication comes back through `onPublications` on every node that joined its channel, the publishing
 *            one included; never before it lasts to the durability of the broker. In order on one node; receivers
 *            find gaps by offset and heal them from `history`.
 * Identity:  a `message_id` that the channel saw within the last five minutes is answered with the first receipt and
 *            `duplicate: true`, delivered to nobody; with another type or payload it is `conflict`.
 * Replacing: history has the new payload for every reader from the moment in which `replace` resolves, and that lasts to
 *            the durability of the broker. Nothing that the broker keeps has the old payload a few seconds later, files
 *            included. Nothing is delivered; what is on its way, and a page that was read before, may still carry the
 *            old payload. With it goes what could be compared: a repeat of the `message_id` is `duplicate: true`
 *            whatever it says, never `conflict`.
 * Failure:   `publish` and `replace` reject with `ProtocolError`. `unavailable`: the outcome is unknown, the same `message_id` may be
 *            sent again. `storage_full`: surely not written.
 */
export interface Broker {
  /** Called once, before anything else. */
  start(onPublications: OnPublications): Promise<void>
  /**
   * Takes over the draft: everything but `metadata.offset` is set, and the broker sets that. A broker that need not wait for
   * anything returns the receipt itself; none throws.
   */
  publish(draft: Publication): Promise<Receipt> | Receipt
  /** Never fails for a channel that nobody published to: that one is empty. Rejects with `not_found` where there is no log. */
  history(channel: string, range: Range): Promise<ReadPage>
  /**
   * Gives the publication at `position` another payload, which it takes over; offset, type and metadata stay. False when
   * the log does not hold it, or its epoch is another; what retention took stays as it was until its `message_id` is
   * forgotten. Rejects with `not_found` where there is no log.
   */
  replace(channel: string, position: Position, payload: JsonObject): Promise<boolean>
  /**
   * The channel has its first local subscriber, or, with `namespace:*`, all channels of the broker have one. Resolves when
   * publications reach this node; undefined when they do so already. Idempotent.
   */
  join(channel: string): Promise<void> | undefined
  /** The channel, or `namespace:*`, lost its last local subscriber. Idempotent. */
  leave(channel: string): Promise<void>
  /** Resolves when everything that was accepted to publish or to replace was answered. */
  stop(): Promise<void>
}
