import type { Publication } from '@tidewire/protocol'
import type { OnPublications } from './broker.ts'

/**
 * Carries publications between nodes.
 *
 * Delivery: at most once, to every node that joined the channel, this one included.
 * Order:    none promised between nodes; receivers find gaps by offset and read the log.
 * Failure:  `broadcast` rejects. A publication with an offset is in the log by then, so it is late, not lost.
 */
export interface Bus {
  /** Called once, before anything else. Several may listen: each hears every channel. */
  start(onPublications: OnPublications): Promise<void>
  broadcast(
    channel: string,
    epoch: string | undefined,
    publications: readonly Publication[],
  ): Promise<void>
  /** A channel, or with `namespace:*` all channels of a namespace. Undefined when it is joined already. */
  join(channel: string): Promise<void> | undefined
  leave(channel: string): Promise<void>
  stop(): Promise<void>
}
