import type { Rules } from '../history/checker.ts'
import { judge, type Report } from './report.ts'
import { Rig, type RigOptions } from './rig.ts'

export interface Run extends RigOptions {
  scenario: string
  /** While the load runs: the faults, by the chance of the rig. Resolves to what it found wrong itself. */
  faults: (rig: Rig) => Promise<readonly string[]>
  /** After the logs were read. */
  after?: (rig: Rig) => Promise<readonly string[]>
  /** What the run allows; made when it is over, because it may depend on what was done. */
  rules: (rig: Rig) => Rules
}

/** A whole run: load, faults, healing, quiet, the logs, the verdict. */
export async function run({ scenario, faults, after, rules, ...options }: Run): Promise<Report> {
  const began = performance.now()
  const rig = await Rig.start(options)
  try {
    await rig.startLoad()
    const failures = [...(await guarded(() => faults(rig)))]
    await rig.stopPublishing()
    await rig.quiesce()
    if (after !== undefined) failures.push(...(await guarded(() => after(rig))))
    const seconds = (performance.now() - began) / 1000
    return judge(rig, { scenario, rules: rules(rig), failures, seconds })
  } finally {
    await rig.stop()
  }
}

/** A step that breaks off is a failure of the run, whose history then says why. */
async function guarded(step: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await step()
  } catch (error) {
    return [`The run broke off: ${error instanceof Error ? error.message : String(error)}`]
  }
}
