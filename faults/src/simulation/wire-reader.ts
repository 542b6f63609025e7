import type { Envelope, Position, Publication } from '@tidewire/protocol'
import type { Recorder } from '../history/recorder.ts'
import { Tape } from '../rig/tape.ts'
import type { WireTap } from './socket.ts'

/**
 * Writes down what a server says to one client, before the client has a chance to mend it. Every answered `subscribe` is
 * a stream of its own, which has to keep the contract by itself.
 */
export class WireReader {
  readonly #recorder: Recorder
  readonly #name: string
  #streams = 0

  constructor(recorder: Recorder, client: string) {
    this.#recorder = recorder
    this.#name = `${client}/wire`
  }

  /** For one more connection. */
  tap(): WireTap {
    return new ConnectionTap((channel) => {
      this.#streams += 1
      return new Tape(this.#recorder, `${this.#name}-${this.#streams}`, channel)
    })
  }
}

class ConnectionTap implements WireTap {
  readonly #newTape: (channel: string) => Tape
  /** By channel. */
  readonly #streams = new Map<string, Tape>()
  /** What was asked of a channel and not answered yet, in the order of asking. A tape for each `subscribe`. */
  #asked: { id: string; channel: string; tape: Tape | undefined }[] = []

  constructor(newTape: (channel: string) => Tape) {
    this.#newTape = newTape
  }

  sent(text: string): void {
    const { type, payload, metadata } = JSON.parse(text) as Envelope
    if (type !== 'subscribe' && type !== 'unsubscribe') return
    const channel = payload['channel'] as string
    const tape = type === 'subscribe' ? this.#newTape(channel) : undefined
    tape?.asks(payload['since'] as Position | undefined)
    this.#asked.push({ id: metadata.message_id ?? '', channel, tape })
  }

  received(text: string): void {
    const envelope = JSON.parse(text) as Envelope
    const { type, payload, metadata } = envelope
    if (type === 'subscribed') this.#subscribed(envelope)
    else if (type === 'unsubscribed') this.#answered(metadata.correlation_id)
    else if (type === 'reset') this.#streamOf(payload['channel'] as string).reset(marker(payload))
    else if (type === 'error') this.#answered(metadata.correlation_id)?.left()
    else if (metadata.channel !== undefined) {
      this.#streamOf(metadata.channel).received(envelope as Publication)
    }
  }

  ended(): void {
    for (const tape of this.#streams.values()) tape.left()
    for (const { tape } of this.#asked) tape?.left()
    this.#streams.clear()
    this.#asked = []
  }

  #subscribed({ payload, metadata }: Envelope): void {
    const tape = this.#answered(metadata.correlation_id)
    if (tape === undefined) throw new Error('`subscribed` answers what was not asked.')
    this.#streams.set(tape.channel, tape)
    tape.subscribed({ ...marker(payload), recovered: payload['recovered'] === true })
  }

  /** Ends what the channel had before: the stream, and what was asked earlier and is not answered any more. */
  #answered(id: string | undefined): Tape | undefined {
    const answered = this.#asked.find((asked) => asked.id === id)
    if (answered === undefined) return undefined
    const { channel, tape } = answered
    this.#streams.get(channel)?.left()
    this.#streams.delete(channel)
    const end = this.#asked.indexOf(answered)
    this.#asked = this.#asked.filter((asked, i) => {
      if (asked.channel !== channel || i > end) return true
      if (i < end) asked.tape?.left()
      return false
    })
    return tape
  }

  /** What comes on no stream is written down as that. */
  #streamOf(channel: string): Tape {
    let tape = this.#streams.get(channel)
    if (tape === undefined) this.#streams.set(channel, (tape = this.#newTape(channel)))
    return tape
  }
}

function marker({ epoch, offset, reason }: Envelope['payload']): {
  epoch: string
  offset: number
  reason: string
} {
  return { epoch, offset, reason } as { epoch: string; offset: number; reason: string }
}
