import type { Envelope } from '@tidewire/protocol'
import type { Batch } from '../core/ports/batch.ts'
import type { Connection } from '../core/ports/connection.ts'

export interface ConnectionKind {
  transport?: string
  address?: string
  duplex?: boolean
}

/** A connection that keeps what it is given, and that can be made slow. */
export class FakeConnection implements Connection {
  readonly transport: string
  readonly address: string
  readonly duplex: boolean
  /** One entry a write. */
  readonly writes: Envelope[][] = []
  /** What `buffered` says. */
  waiting = 0
  paused = false
  closedWith: { code: number; reason: string } | undefined
  #onDrain: (() => void)[] = []

  constructor({ transport = 'fake', address = '192.0.2.1', duplex = true }: ConnectionKind = {}) {
    this.transport = transport
    this.address = address
    this.duplex = duplex
  }

  send(batches: readonly Batch[]): void {
    this.writes.push(batches.flatMap((batch) => batch.envelopes))
  }

  buffered(): number {
    return this.waiting
  }

  onDrain(fn: () => void): void {
    this.#onDrain.push(fn)
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  close(code: number, reason: string): void {
    this.closedWith = { code, reason }
  }

  drain(): void {
    this.waiting = 0
    for (const fn of this.#onDrain.splice(0)) fn()
  }

  get frames(): Envelope[] {
    return this.writes.flat()
  }

  /** The frames of one type. */
  of(type: string): Envelope[] {
    return this.frames.filter((frame) => frame.type === type)
  }

  /** Offsets of what was delivered, in the order of arrival. */
  get offsets(): (number | undefined)[] {
    return this.frames
      .filter(({ metadata }) => metadata.channel !== undefined)
      .map(({ metadata }) => metadata.offset)
  }
}
