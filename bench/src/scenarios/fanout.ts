import type { Peer } from '../peers.ts'
import { measure, type Rig } from '../run.ts'
import { deliveriesMeasure, type Row } from '../summary.ts'
import { interleave } from './interleave.ts'

export interface FanoutOptions {
  subscribers: number
  payload: number
  inFlight: readonly number[]
  warmup: number
  seconds: number
  repeat: number
}

/** One publisher, many subscribers of one channel, every server in turn. */
export async function fanout(
  rig: Rig,
  peers: readonly Peer[],
  options: FanoutOptions,
): Promise<Row[]> {
  return interleave({
    peers,
    inFlight: options.inFlight,
    repeat: options.repeat,
    measure: deliveriesMeasure,
    unit: 'deliveries/s',
    progress: rig.progress,
    run: (peer, inFlight) =>
      measure(rig, peer, {
        channel: peer.name === 'tidewire' ? 'live:bench' : 'bench',
        subscribers: options.subscribers,
        payload: options.payload,
        inFlight,
        warmup: options.warmup,
        seconds: options.seconds,
        complete: 'deliveries',
      }),
  })
}
