import { type JsonObject, type Position, ProtocolError, type Publication } from '@tidewire/protocol'
import type {
  Appended,
  Broker,
  Log,
  OnPublications,
  Page,
  Range,
  Receipt,
  Retention,
} from '@tidewire/server/testing'
import type { Disk } from './disk.ts'
import type { Tampering } from './server.ts'
import type { Node } from './simulator.ts'

const SYNC_AFTER_MS = 500

/** Answers an append when it is written, and syncs the disk later. */
class HastyLog implements Log {
  readonly #log: Log
  readonly #disk: Disk
  readonly #node: Node

  constructor(log: Log, disk: Disk, node: Node) {
    this.#log = log
    this.#disk = disk
    this.#node = node
  }

  append(draft: Publication): Promise<Appended> {
    const outcome = this.#disk.write(structuredClone(draft), this.#node.now())
    this.#node.after(SYNC_AFTER_MS, () => this.#disk.sync(), 'sync')
    return outcome instanceof ProtocolError ? Promise.reject(outcome) : Promise.resolve(outcome)
  }

  read(channel: string, range: Range): Promise<Page> {
    return this.#log.read(channel, range)
  }

  replace(channel: string, position: Position, payload: JsonObject): Promise<boolean> {
    return this.#log.replace(channel, position, payload)
  }

  trim(namespace: string, retention: Retention, now: number): Promise<number> {
    return this.#log.trim(namespace, retention, now)
  }

  close(): Promise<void> {
    return this.#log.close()
  }
}

/** A broker of which something else is told than it does. */
class Retold implements Broker {
  readonly #inner: Broker
  readonly #epochOf: (epoch: string) => string
  readonly #epochOfLive: (epoch: string | undefined) => string | undefined

  constructor(
    inner: Broker,
    epochOf: (epoch: string) => string,
    epochOfLive: (epoch: string | undefined) => string | undefined,
  ) {
    this.#inner = inner
    this.#epochOf = epochOf
    this.#epochOfLive = epochOfLive
  }

  start(onPublications: OnPublications): Promise<void> {
    return this.#inner.start((channel, epoch, publications) =>
      onPublications(channel, this.#epochOfLive(epoch), publications),
    )
  }

  async publish(draft: Publication): Promise<Receipt> {
    const receipt = await this.#inner.publish(draft)
    if (receipt.epoch === undefined) return receipt
    return { ...receipt, epoch: this.#epochOf(receipt.epoch) }
  }

  async history(channel: string, range: Range): Promise<Page> {
    const page = await this.#inner.history(channel, range)
    return { ...page, epoch: this.#epochOf(page.epoch) }
  }

  async replace(channel: string, position: Position, payload: JsonObject): Promise<boolean> {
    const { epoch } = await this.#inner.history(channel, { limit: 0 })
    if (position.epoch !== this.#epochOf(epoch)) return false
    return this.#inner.replace(channel, { ...position, epoch }, payload)
  }

  join(channel: string): Promise<void> | undefined {
    return this.#inner.join(channel)
  }

  leave(channel: string): Promise<void> {
    return this.#inner.leave(channel)
  }

  stop(): Promise<void> {
    return this.#inner.stop()
  }
}

/** Servers that break the contract on purpose. Each is made of the real parts, with one promise taken out. */
export const BROKEN = {
  /** Acknowledges what the disk would lose with the power. */
  ack_before_write: {
    log: (log, disk, node) => new HastyLog(log, disk, node),
  },
  /** An emptied log goes on under the name of the one before. */
  skip_epoch_fence: {
    broker: (broker) =>
      new Retold(
        broker,
        () => 'always',
        () => 'always',
      ),
  },
  /** What is live has no epoch: nobody looks at its offsets. */
  no_gap_check: {
    broker: (broker) =>
      new Retold(
        broker,
        (epoch) => epoch,
        () => undefined,
      ),
  },
} as const satisfies Record<string, Tampering>

export type Broken = keyof typeof BROKEN
