import { judgeDelays, lineOf } from './delays.ts'
import { type Flood, FLOODS, type Size } from './floods.ts'
import { type FloodReport, play } from './play.ts'

/** Plays one flood after the other; of each it says in a line what came of it. Failures include the bystander's delays. */
export async function playFloods(
  size: Size,
  say: (line: string) => void,
  floods: readonly Flood[] = FLOODS,
): Promise<FloodReport[]> {
  const reports: FloodReport[] = []
  for (const flood of floods) {
    const played = await play(flood, size)
    const report = { ...played, failures: [...played.failures, ...judgeDelays(played)] }
    reports.push(report)
    say(lineOf(report))
  }
  return reports
}
