import type { Peer } from '../peers.ts'
import type { Problem } from '../sample.ts'
import type { Row } from '../scenario.ts'
import { type Outcome, toRow } from './interleave.ts'

/** One rate, tried on one server. */
export interface Rung extends Outcome {
  sustained: boolean
  /** The server gave this rate up, which breaks no promise: what it did. */
  gaveUp?: string
}

/**
 * Above what it can take a server may let somebody go, or stand still: that is where its ladder ends. What
 * was lost, repeated or out of order is a failure at any rate.
 */
export function givesUp({ kind }: Problem): boolean {
  return kind === 'closed' || kind === 'stall'
}

/** How far one server got, repetition by repetition. */
export class Climb {
  /** The highest rate that was sustained, before the first that was not. */
  readonly #heights: Outcome[] = []
  #fell = false

  get fell(): boolean {
    return this.#fell
  }

  begin(): void {
    this.#heights.push({ values: { highest: 0 } })
    this.#fell = false
  }

  rung(rate: number, { sustained, gaveUp, failure, ...shares }: Rung): void {
    const height = this.#heights.at(-1)
    if (this.#fell || height === undefined) return
    this.#fell = !sustained
    if (sustained) height.values = { highest: rate }
    else if (gaveUp !== undefined) {
      height.warnings = [`the ladder ends at ${rate.toLocaleString('en')}/s with ${gaveUp}`]
    } else if (failure !== undefined) height.failure = failure
    height.otherCpu = Math.max(height.otherCpu ?? 0, shares.otherCpu ?? 0)
    height.generatorCpu = Math.max(height.generatorCpu ?? 0, shares.generatorCpu ?? 0)
  }

  row(peer: Peer, setup: string): Row {
    return toRow({ peer, setup }, this.#heights)
  }
}
