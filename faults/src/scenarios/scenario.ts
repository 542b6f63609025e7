import type { Report } from '../rig/report.ts'

/** How large a run is. `small` takes seconds. */
export type Size = 'small' | 'large'

export interface Scenario {
  /** Of RELIABILITY.md §5. */
  id: string
  title: string
  /** Plays it once, by the chance of the seed. */
  run(seed: number, size: Size): Promise<Report>
}
