import type { Position } from '@tidewire/protocol'
import type { Findings } from './anomalies.ts'
import type { Received, Reset, StreamEvent, SubscribeInvoked, Subscribed } from './events.ts'

/** One reader of one channel, over all its connections. */
export interface Stream {
  readonly client: string
  readonly channel: string
  state: 'idle' | 'asking' | 'live' | 'away' | 'left'
  /** Of the last delivery, or of the marker before the first. */
  position: Position | undefined
  /** What the last `sub.invoke` asked to go on from. */
  asked: Position | undefined
  resets: number
  last: StreamEvent
}

/** Follows what each reader is told: between two markers every offset once, in order (PROTOCOL.md §2). */
export class Streams {
  delivered = 0
  /** By reason. */
  readonly resets = new Map<string, number>()
  /** Where streams began: checked when the whole history is known. */
  readonly starts: (Subscribed | Reset)[] = []
  readonly #streams = new Map<string, Map<string, Stream>>()
  readonly #findings: Findings

  constructor(findings: Findings) {
    this.#findings = findings
  }

  see(event: StreamEvent): void {
    const stream = this.#streamOf(event)
    switch (event.type) {
      case 'sub.invoke':
        this.#asked(stream, event)
        break
      case 'sub.ok':
        this.#subscribed(stream, event)
        break
      case 'reset':
        this.#reset(stream, event)
        break
      case 'recv':
        this.#received(stream, event)
        break
      case 'disc':
        if (stream.state !== 'left') stream.state = 'away'
        break
      case 'left':
        stream.state = 'left'
        stream.position = undefined
    }
    stream.last = event
  }

  *all(): Iterable<Stream> {
    for (const channels of this.#streams.values()) yield* channels.values()
  }

  #streamOf(event: StreamEvent): Stream {
    const { client, channel } = event
    let channels = this.#streams.get(client)
    if (channels === undefined) this.#streams.set(client, (channels = new Map()))
    let stream = channels.get(channel)
    if (stream === undefined) {
      const fresh = { position: undefined, asked: undefined, resets: 0, last: event }
      stream = { client, channel, state: 'idle', ...fresh }
      channels.set(channel, stream)
    }
    return stream
  }

  #asked(stream: Stream, event: SubscribeInvoked): void {
    const { since } = event
    const { position } = stream
    // Readers over HTTP come back with the cursor that the server gave them, which must say where they are.
    if (since !== undefined && position !== undefined && !same(since, position)) {
      const why = `stood at ${show(position)}, and its cursor says ${show(since)}`
      this.#findings.add('bad-recovery', event, why)
    }
    stream.asked = since
    // A second `subscribe` on a live connection: the old stream goes on until the answer.
    if (stream.state === 'live') return
    stream.state = 'asking'
    if (since === undefined) stream.position = undefined
  }

  #subscribed(stream: Stream, event: Subscribed): void {
    const { epoch, offset, recovered, reason } = event
    const { asked } = stream
    if (stream.state === 'left') {
      this.#findings.add('recv-outside-session', event, 'subscribed after it was left')
    }
    if (recovered) {
      if (!same(asked, event)) {
        const why = `asked to go on from ${show(asked)}, recovered from ${show(event)}`
        this.#findings.add('bad-recovery', event, why)
      }
    } else if (asked !== undefined && reason === undefined) {
      this.#findings.add('silent-gap', event, `asked for ${show(asked)}, got ${show(event)}`)
    } else if (asked !== undefined && reason !== undefined) {
      this.#countReset(stream, event, asked, reason)
    }
    if (!recovered) this.starts.push(event)
    stream.position = { epoch, offset }
    stream.state = 'live'
  }

  #reset(stream: Stream, event: Reset): void {
    const { epoch, offset, reason } = event
    // Event streams tell of one gap twice: as `subscribed` and, for readers that do not know it, as `reset`.
    const told = stream.last.type === 'sub.ok' && stream.last.reason !== undefined
    if (told && same(stream.position, event)) return
    if (stream.state !== 'live' && stream.state !== 'asking') {
      this.#findings.add('recv-outside-session', event, `a reset while ${stream.state}`)
    }
    this.#countReset(stream, event, stream.position ?? stream.asked, reason)
    this.starts.push(event)
    stream.position = { epoch, offset }
    stream.state = 'live'
  }

  #countReset(
    stream: Stream,
    event: Subscribed | Reset,
    from: Position | undefined,
    reason: string,
  ): void {
    stream.resets += 1
    this.resets.set(reason, (this.resets.get(reason) ?? 0) + 1)
    if (from === undefined || from.epoch !== event.epoch) return
    if (event.offset === from.offset) {
      this.#findings.add('false-reset', event, `a reset to ${show(event)}, where it stood`)
    } else if (event.offset < from.offset) {
      this.#findings.add('dup-or-reorder', event, `a reset from ${show(from)} to ${show(event)}`)
    }
  }

  #received(stream: Stream, event: Received): void {
    this.delivered += 1
    const { position } = stream
    if (position === undefined || stream.state !== 'live') {
      this.#findings.add('recv-outside-session', event, `${event.value} while ${stream.state}`)
      return
    }
    const { epoch, offset } = event
    if (position.epoch !== epoch) {
      this.#findings.add('epoch-mix', event, `${show(event)} in a stream of ${position.epoch}`)
    } else if (offset <= position.offset) {
      this.#findings.add('dup-or-reorder', event, `${offset} after ${position.offset}`)
      return
    } else if (offset !== position.offset + 1) {
      this.#findings.add('gap', event, `${offset} after ${position.offset}`)
    }
    position.offset = offset
  }
}

function same(one: Position | undefined, other: Position): boolean {
  return one !== undefined && one.epoch === other.epoch && one.offset === other.offset
}

function show(position: Position | undefined): string {
  return position === undefined ? 'now' : `${position.epoch}:${position.offset}`
}
