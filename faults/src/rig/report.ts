import { join } from 'node:path'
import { check, type Figures, type Rules, type Verdict } from '../history/checker.ts'
import { saveHistory } from '../history/recorder.ts'
import type { Recoveries, Rig } from './rig.ts'

/** What one run of a scenario showed. */
export interface Report {
  scenario: string
  seed: number
  /** Nothing is wrong. */
  ok: boolean
  /** One sentence for each thing that is wrong. */
  failures: string[]
  figures: Figures
  /** Anomalies by class. */
  anomalies: Verdict['counts']
  kills: number
  recoveries: Recoveries
  /** Errors and close codes that clients met. */
  answers: Record<string, number>
  /** What the scenario measured: the worst of each. */
  measured: Record<string, number>
  seconds: number
  /** Where the history is kept. Only when something is wrong. */
  history?: string
}

export interface Judgement {
  scenario: string
  rules: Rules
  /** What the scenario itself found wrong. */
  failures?: readonly string[]
  seconds: number
}

const HISTORIES = new URL('../../histories/', import.meta.url).pathname
const MAX_UNANSWERED = 0.05
/** Failures that are told one by one; the rest is in the history. */
const MAX_TOLD = 20

/** Judges what a rig recorded, by the rules of the scenario and those that hold in every one. */
export function judge(rig: Rig, { scenario, rules, failures = [], seconds }: Judgement): Report {
  const { ok, anomalies, counts, figures } = check(rig.recorder.events, rules)
  const told = anomalies.map(({ class: name, client, channel, why }) => {
    return `${name}: ${client} on ${channel}: ${why}`
  })
  const wrong = [
    ...failures,
    ...tooFewAnswers(figures),
    ...told.slice(0, MAX_TOLD),
    ...rig.server.surprises,
    ...rig.answers.undocumented.map((answer) => `An answer that is not documented: ${answer}`),
  ]
  const report: Report = {
    scenario,
    seed: rig.seed,
    ok: ok && wrong.length === 0,
    failures: wrong,
    figures,
    anomalies: counts,
    kills: rig.kills,
    recoveries: rig.recoveries,
    answers: Object.fromEntries(rig.answers.errors),
    measured: Object.fromEntries(rig.measured),
    seconds: Math.round(seconds * 10) / 10,
  }
  return report.ok ? report : { ...report, history: keep(rig, report) }
}

/** Publishers repeat until there is an answer, so that in the end nearly all have one. */
function tooFewAnswers({ published, unanswered }: Figures): string[] {
  if (unanswered <= published * MAX_UNANSWERED) return []
  return [`${unanswered} of ${published} publishes were never answered.`]
}

function keep(rig: Rig, { scenario, seed, failures }: Report): string {
  const path = join(HISTORIES, `${scenario}-${seed}.jsonl`)
  const origin = { scenario, seed, failures, load: rig.load, output: rig.server.output }
  saveHistory(path, origin, rig.recorder.events)
  return path
}
