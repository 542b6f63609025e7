import type { FloodReport } from './play.ts'

/** Under a flood 99 of 100 deliveries take less than so many times what they took before. */
const TIMES = 2
/** What took less before counts as this: beside a load, fractions of a millisecond are the machine's, not the server's. */
const FLOOR_MS = 2.5

/** One sentence when the bystander waited too long. For a machine that does nothing else. */
export function judgeDelays({ before, during }: FloodReport): string[] {
  const allowed = TIMES * Math.max(before.p99, FLOOR_MS)
  if (during.p99 < allowed) return []
  return [`The bystander waited ${ms(during.p99)} ms (p99): less than ${ms(allowed)} are allowed.`]
}

/** What a flood did to others, in a line, and what is wrong with that. */
export function lineOf({ flood, before, during, grown, logged, failures }: FloodReport): string {
  const head = `${failures.length === 0 ? 'ok    ' : 'FAILED'} ${flood.padEnd(22)}`
  const p99 = `p99 ${ms(before.p99)} → ${ms(during.p99)} ms, slowest GET /health ${ms(during.slowestProbe)} ms`
  const kept = `heap +${grown.heap} MiB, process +${grown.process} MiB, ${logged} log lines`
  return [`${head} ${p99}, ${kept}`, ...failures.map((failure) => `  ${failure}`)].join('\n')
}

function ms(value: number): string {
  return value.toFixed(1)
}
