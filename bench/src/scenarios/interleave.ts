import type { Peer } from '../peers.ts'
import { describeProblem, type Sample } from '../sample.ts'
import { type Measure, type Row, summarize } from '../summary.ts'
import { short } from '../table.ts'

export interface Series {
  peers: readonly Peer[]
  inFlight: readonly number[]
  repeat: number
  /** What a run is counted by, and its name on the progress line. */
  measure: Measure
  unit: string
  run: (peer: Peer, inFlight: number) => Promise<Sample>
  progress: (line: string) => void
}

/** Runs A B C D, A B C D … for every number in flight: what drifts, drifts for all. */
export async function interleave(series: Series): Promise<Row[]> {
  const cells = series.inFlight.flatMap((inFlight) =>
    series.peers.map((peer) => ({ peer, inFlight, samples: [] as Sample[] })),
  )
  const runs = cells.length * series.repeat
  let done = 0
  for (let repetition = 1; repetition <= series.repeat; repetition++) {
    for (const { peer, inFlight, samples } of cells) {
      const sample = await series.run(peer, inFlight)
      samples.push(sample)
      done++
      series.progress(
        `[${done}/${runs}] ${peer.name}, ${inFlight} in flight: ${outcome(series, sample)}`,
      )
    }
  }
  return cells.map(({ peer, inFlight, samples }) =>
    summarize(peer.name, peer.guarantee, inFlight, samples, series.measure),
  )
}

function outcome({ measure, unit }: Series, sample: Sample): string {
  if (sample.problem) return `FAILED: ${describeProblem(sample.problem)}`
  return `${short(measure.count(sample) / sample.seconds)} ${unit}`
}
