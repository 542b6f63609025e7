import type { Summary } from './summary.ts'

/** The figures as a Markdown table. */
export function tableOf({ resets, recovery, ...figures }: Summary): string {
  const rows: [string, string | number][] = [
    ['runs', figures.runs],
    ['of them failed', figures.failed],
    ['kill -9 under load', figures.kills],
    ['acknowledged', figures.acked],
    ['delivered', figures.delivered],
    ['repeats recognised', figures.repeats],
    ['**lost**', figures.lost],
    ['**duplicated**', figures.duplicated],
    ['**reordered**', figures.reordered],
    ['**silent gaps**', figures.silentGaps],
    ['other anomalies', figures.otherAnomalies],
    ...Object.entries(resets).map(([key, count]): [string, number] => [`resets: ${key}`, count]),
    ['all readers back after kill -9: median, worst', spread(recovery.kill)],
    ['all readers back after SIGTERM: median, worst', spread(recovery.stop)],
  ]
  return ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n')
}

function spread({ median, worst }: { median: number; worst: number }): string {
  return worst === 0 ? '–' : `${median} ms, ${worst} ms`
}
