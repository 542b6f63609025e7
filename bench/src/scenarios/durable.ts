import { peerNamed } from '../peers.ts'
import { measure, type Rig } from '../run.ts'
import { acksMeasure, type Row } from '../summary.ts'
import { interleave } from './interleave.ts'

export interface DurableOptions {
  payload: number
  inFlight: readonly number[]
  warmup: number
  seconds: number
  repeat: number
}

/** Publishes that are on disk before they are acknowledged; one subscriber checks the order. */
export async function durable(rig: Rig, options: DurableOptions): Promise<Row[]> {
  return interleave({
    peers: [peerNamed('tidewire')],
    inFlight: options.inFlight,
    repeat: options.repeat,
    measure: acksMeasure,
    unit: 'acked/s',
    progress: rig.progress,
    run: (peer, inFlight) =>
      measure(rig, peer, {
        channel: 'chat:bench',
        subscribers: 1,
        payload: options.payload,
        inFlight,
        warmup: options.warmup,
        seconds: options.seconds,
        complete: 'acks',
      }),
  })
}
