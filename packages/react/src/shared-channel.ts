import type { Channel, Publication, Reset, SubscribeOptions, Tidewire } from '@tidewire/client'
import { Lease } from './lease.ts'

export interface ChannelListeners {
  onMessage?: ((publication: Publication) => void) | undefined
  onReset?: ((reset: Reset) => void) | undefined
}

/** One subscription of one client, however many components use it. The options of the first user count. */
export class SharedChannel {
  readonly channel: Channel
  readonly #lease: Lease
  #options: SubscribeOptions = {}

  constructor(client: Tidewire, name: string, lingerMs: number) {
    this.channel = client.channel(name)
    this.#lease = new Lease(() => this.#subscribe(), lingerMs)
  }

  /** Subscribes if nobody did; `onChange` is called after every change of `channel.state`. */
  use(onChange: () => void, options: SubscribeOptions = {}): () => void {
    const off = this.channel.onState(onChange)
    this.#options = options
    const release = this.#lease.acquire()
    return () => {
      off()
      release()
    }
  }

  /** Hears what the channel delivers; does not subscribe. */
  listen({ onMessage, onReset }: ChannelListeners): () => void {
    const stops = [
      ...(onMessage ? [this.channel.on('*', onMessage)] : []),
      ...(onReset ? [this.channel.onReset(onReset)] : []),
    ]
    return () => stops.forEach((stop) => stop())
  }

  #subscribe(): () => void {
    this.channel.subscribe(this.#options).catch(toldByState)
    return () => {
      this.channel.unsubscribe().catch(toldByState)
    }
  }
}

/** A subscription that was refused, or given up, is in `channel.state`, where every user sees it. */
function toldByState(): void {}
