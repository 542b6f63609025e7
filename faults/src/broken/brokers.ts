import type { JsonObject, Position, Publication } from '@tidewire/protocol'
import type { Broker, OnPublications, Page, Range, Receipt } from '@tidewire/server/testing'

/** Faults that a server could have and that the checker must see. */
export type Bug = 'ack_before_write' | 'skip_epoch_fence' | 'no_gap_check'

/** The broker with one of them. */
export function broken(bug: Bug, broker: Broker): Broker {
  return new BROKEN[bug](broker)
}

/** Passes everything on. */
class Through implements Broker {
  protected readonly inner: Broker

  constructor(inner: Broker) {
    this.inner = inner
  }

  start(onPublications: OnPublications): Promise<void> {
    return this.inner.start(onPublications)
  }

  async publish(draft: Publication): Promise<Receipt> {
    return this.inner.publish(draft)
  }

  history(channel: string, range: Range): Promise<Page> {
    return this.inner.history(channel, range)
  }

  replace(channel: string, position: Position, payload: JsonObject): Promise<boolean> {
    return this.inner.replace(channel, position, payload)
  }

  join(channel: string): Promise<void> | undefined {
    return this.inner.join(channel)
  }

  leave(channel: string): Promise<void> {
    return this.inner.leave(channel)
  }

  stop(): Promise<void> {
    return this.inner.stop()
  }
}

const WRITE_LATER_MS = 300

/** Answers with the offset that the publication will have, and writes it a little later. */
class Hasty extends Through {
  readonly #tops = new Map<string, Promise<{ epoch: string; offset: number }>>()

  override async publish(draft: Publication): Promise<Receipt> {
    const { channel } = draft.metadata
    const before = this.#tops.get(channel) ?? this.#topOf(channel)
    const promised = before.then(({ epoch, offset }) => ({ epoch, offset: offset + 1 }))
    this.#tops.set(channel, promised)
    const receipt = await promised
    // A repetition is none to this server; the log behind it knows better, and nobody asks.
    setTimeout(() => void super.publish(draft).catch(() => undefined), WRITE_LATER_MS)
    return { ...receipt, duplicate: false }
  }

  async #topOf(channel: string): Promise<{ epoch: string; offset: number }> {
    const { epoch, newest } = await this.inner.history(channel, { limit: 0 })
    return { epoch, offset: newest }
  }
}

const SAME = 'the-one-and-only'

/** Says the same epoch whatever became of the log. */
class Unfenced extends Through {
  override start(onPublications: OnPublications): Promise<void> {
    return this.inner.start((channel, epoch, publications) =>
      onPublications(channel, epoch === undefined ? undefined : SAME, publications),
    )
  }

  override async publish(draft: Publication): Promise<Receipt> {
    const receipt = await this.inner.publish(draft)
    return receipt.epoch === undefined ? receipt : { ...receipt, epoch: SAME }
  }

  override async history(channel: string, range: Range): Promise<Page> {
    return { ...(await this.inner.history(channel, range)), epoch: SAME }
  }

  override async replace(
    channel: string,
    position: Position,
    payload: JsonObject,
  ): Promise<boolean> {
    const { epoch } = await this.inner.history(channel, { limit: 0 })
    return this.inner.replace(channel, { ...position, epoch }, payload)
  }
}

const LOSE_ONE_IN = 20

/** Loses publications on their way and hides the holes in what looks like one piece. */
class Holey extends Through {
  override start(onPublications: OnPublications): Promise<void> {
    const before = new Map<string, Publication>()
    return this.inner.start((channel, epoch, publications) => {
      const pieces = [before.get(channel), ...publications].filter((piece) => piece !== undefined)
      before.delete(channel)
      const kept = pieces.filter(({ metadata }) => (metadata.offset ?? 0) % LOSE_ONE_IN !== 0)
      // One that comes before a lost one waits, so that both sides of the hole travel together.
      const last = kept.at(-1)
      if (
        last?.metadata.offset !== undefined &&
        last.metadata.offset % LOSE_ONE_IN === LOSE_ONE_IN - 1
      ) {
        before.set(channel, last)
        kept.pop()
      }
      if (kept.length > 0) onPublications(channel, epoch, kept)
    })
  }
}

const BROKEN: Record<Bug, new (inner: Broker) => Broker> = {
  ack_before_write: Hasty,
  skip_epoch_fence: Unfenced,
  no_gap_check: Holey,
}
