import type { Channel, Position, Tidewire } from '@tidewire/client'
import type { Recorder } from '../history/recorder.ts'
import { Tape } from '../rig/tape.ts'
import type { Node } from './simulator.ts'

/** An application that reads channels, and what it is told. */
export class Subscriber {
  readonly node: Node
  readonly streams: readonly Stream[]
  #restless = false

  constructor(node: Node, client: Tidewire, recorder: Recorder, channels: readonly string[]) {
    this.node = node
    this.streams = channels.map(
      (name) => new Stream(client.channel(name), new Tape(recorder, node.name, name)),
    )
  }

  /** With `churn` the application leaves channels and comes back to them, until `settle`. */
  async run({ churn }: { churn: boolean }): Promise<void> {
    const { chance } = this.node
    this.#restless = churn
    for (const stream of this.streams) stream.join({})
    while (this.#restless) {
      await this.node.sleep(chance.between(200, 6_000))
      const stream = chance.pick(this.streams)
      if (stream.wanted) stream.leave()
      else stream.join({ resume: chance.happens(0.6), last: chance.between(0, 5) })
    }
    for (const stream of this.streams) if (!stream.wanted) stream.join({ resume: true })
  }

  settle(): void {
    this.#restless = false
  }

  get isLive(): boolean {
    return this.streams.every(({ isLive }) => isLive)
  }

  isAt(tops: ReadonlyMap<string, Position>): boolean {
    return this.streams.every((stream) => stream.isAt(tops.get(stream.name)))
  }
}

class Stream {
  readonly name: string
  wanted = false
  readonly #channel: Channel
  readonly #tape: Tape
  /** Where the application was when it left. */
  #held: Position | undefined
  /** What `subscribe` was called with. */
  #since: Position | undefined
  /** Of a `reset` that comes before the stream is live: why it does not go on from the position. */
  #told: string | undefined

  constructor(channel: Channel, tape: Tape) {
    this.name = channel.name
    this.#channel = channel
    this.#tape = tape
    channel.on('*', (publication) => tape.received(publication, channel.position?.epoch))
    channel.onReset((reset) => {
      if (tape.live) tape.reset(reset)
      else this.#told = reset.reason
    })
    channel.onState((state) => {
      if (state.name === 'subscribing') tape.disconnected()
      else if (state.name === 'subscribed' && state.position !== undefined) {
        this.#live(state.position, state.recovered)
      }
    })
  }

  join({ resume = false, last }: { resume?: boolean; last?: number }): void {
    this.wanted = true
    this.#since = resume ? this.#held : undefined
    this.#told = undefined
    const start = this.#since === undefined ? { last } : { since: this.#since }
    // It is wanted until it is left, which rejects it.
    this.#channel.subscribe(start).catch(() => undefined)
  }

  leave(): void {
    this.wanted = false
    const { position } = this.#channel
    this.#held = position && { ...position }
    this.#tape.left()
    void this.#channel.unsubscribe()
  }

  get isLive(): boolean {
    return this.#tape.live
  }

  isAt(top: Position | undefined): boolean {
    const { position } = this.#tape
    return this.isLive && position?.epoch === top?.epoch && position?.offset === top?.offset
  }

  #live(position: Position, recovered: boolean): void {
    const since = this.#tape.position ?? this.#since
    this.#tape.asks(since)
    // What the application has stays where it is, from wherever the server begins again.
    const at = recovered && since !== undefined ? since : position
    this.#tape.subscribed({ ...at, recovered, reason: this.#told })
    this.#told = undefined
  }
}
