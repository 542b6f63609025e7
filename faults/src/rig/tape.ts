import type { Position, Publication } from '@tidewire/protocol'
import type { Recorder } from '../history/recorder.ts'
import { valueOf } from './body.ts'

export interface Marker {
  epoch: string
  offset: number
  reason: string
}

/**
 * Writes down what one reader is told of one channel, exactly as it came: nothing is filtered, sorted or repaired.
 * Holds the position, which is all that a reader needs to come back.
 */
export class Tape {
  readonly channel: string
  readonly #recorder: Recorder
  readonly #client: string
  #position: Position | undefined
  #live = false

  constructor(recorder: Recorder, client: string, channel: string) {
    this.#recorder = recorder
    this.#client = client
    this.channel = channel
  }

  get position(): Position | undefined {
    return this.#position
  }

  /** The stream is open. */
  get live(): boolean {
    return this.#live
  }

  /** Before the request leaves. Without `since` the stream begins now. */
  asks(since: Position | undefined): void {
    this.#recorder.record({
      type: 'sub.invoke',
      ...this.#at(),
      ...(since === undefined ? {} : { since: { ...since } }),
    })
  }

  subscribed({
    epoch,
    offset,
    recovered,
    reason,
  }: Position & { recovered: boolean; reason?: string | undefined }): void {
    this.#recorder.record({
      type: 'sub.ok',
      ...this.#at(),
      epoch,
      offset,
      recovered,
      ...(reason === undefined ? {} : { reason }),
    })
    this.#position = { epoch, offset }
    this.#live = true
  }

  reset({ epoch, offset, reason }: Marker): void {
    this.#recorder.record({ type: 'reset', ...this.#at(), epoch, offset, reason })
    this.#position = { epoch, offset }
    this.#live = true
  }

  /** `epoch`: when the transport says it; otherwise that of the last marker. */
  received({ payload, metadata }: Publication, epoch?: string): void {
    const at = epoch ?? this.#position?.epoch ?? '?'
    const { offset = -1, message_id: key } = metadata
    const value = valueOf(payload)
    this.#recorder.record({ type: 'recv', ...this.#at(), epoch: at, offset, key, value })
    this.#position = { epoch: at, offset }
  }

  disconnected(): void {
    if (!this.#live) return
    this.#live = false
    this.#recorder.record({ type: 'disc', ...this.#at() })
  }

  /** The reader wants the stream no longer; the next one begins anew. */
  left(): void {
    this.#live = false
    this.#position = undefined
    this.#recorder.record({ type: 'left', ...this.#at() })
  }

  #at(): { client: string; channel: string } {
    return { client: this.#client, channel: this.channel }
  }
}
