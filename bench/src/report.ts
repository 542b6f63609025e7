import { bestOther, mainValue, type Panel, panelsOf, socketIo } from './panels.ts'
import type { Results } from './results.ts'
import { type Metric, type Row, type Scenario, windowOf } from './scenario.ts'
import { cell, heading, markdownTable, times } from './table.ts'

/** So many rows with the same warning are named each. */
const NAMED = 3

/** bench/RESULTS.md. `chart` is the path of a scenario's chart from there. */
export function report(
  scenarios: readonly Scenario[],
  all: readonly Results[],
  chart: (id: string) => string,
): string {
  const pairs = scenarios.flatMap((scenario) => {
    const results = all.find(({ id }) => id === scenario.id)
    return results === undefined ? [] : [{ scenario, results }]
  })
  const sections = pairs.map(({ scenario, results }) =>
    [
      `## ${scenario.id.toUpperCase()}: ${scenario.title}`,
      scenario.about,
      `![${scenario.title}](${chart(scenario.id)})`,
      section(scenario, results),
      conditions(scenario, results),
    ].join('\n\n'),
  )
  return (
    [
      '# Results of the bench',
      'Written by `npm run bench -- report`; what is measured and how stands in [README.md](README.md).',
      environment(all),
      '## Targets',
      targets(pairs),
      ...sections,
      '',
    ]
      .join('\n\n')
      .trimEnd() + '\n'
  )
}

/** The tables of one scenario and what must be said of their rows. */
export function section(scenario: Scenario, results: Results): string {
  const spread = results.options.repeat > 1
  const tables = groupsOf(panelsOf(scenario, results.rows)).map((group) => table(group, spread))
  return [...tables, notes(results)].filter((text) => text !== '').join('\n\n')
}

/** What was measured, under which conditions, by which command. */
export function conditions(
  { extent = windowOf }: Pick<Scenario, 'extent'>,
  { options, date, command, notes, tookSeconds }: Results,
): string {
  const { repeat } = options
  const runs =
    repeat === 1
      ? `1 run of ${extent(options)}.`
      : `${repeat} × ${extent(options)}, interleaved; ${repeat === 2 ? 'means' : 'medians'}.`
  const said = notes.map((note) => `${note[0]?.toUpperCase() ?? ''}${note.slice(1)}.`).join(' ')
  return `${runs} ${said}\n${date.slice(0, 16).replace('T', ' ')} UTC, \`${command}\`, ${Math.round(tookSeconds)} s.`
}

function environment(all: readonly Results[]): string {
  const machines = new Set(
    all.map(
      ({ machine: { cores, cpu, kernel, node } }) =>
        `${cores} × ${cpu}, Linux ${kernel}, Node ${node}`,
    ),
  )
  const versions = new Map(all.flatMap((results) => Object.entries(results.versions)))
  return markdownTable(
    ['', ''],
    [
      ['measured', dates(all)],
      ['machine', [...machines].join('; ')],
      ['versions', [...versions].map(([name, version]) => `${name} ${version}`).join(', ')],
    ],
  )
}

function dates(all: readonly Results[]): string {
  const days = [...new Set(all.map(({ date }) => date.slice(0, 10)))].sort()
  return days.length > 1 ? `${days[0]} to ${days.at(-1)}` : (days[0] ?? 'nothing yet')
}

function targets(pairs: readonly { scenario: Scenario; results: Results }[]): string {
  const rows = pairs.flatMap(({ scenario, results }) =>
    (scenario.targets ?? []).map((target) => [
      scenario.id.toUpperCase(),
      target.text,
      target.value(results.rows),
      verdict(target.holds(results.rows)),
    ]),
  )
  return markdownTable(['', 'target', 'measured', ''], rows)
}

function verdict(holds: boolean | undefined): string {
  if (holds === undefined) return 'not measured'
  return holds ? 'met' : '**missed**'
}

/** Panels with the same columns share a table. */
function groupsOf(panels: readonly Panel[]): Panel[][] {
  const groups = new Map<string, Panel[]>()
  for (const panel of panels) {
    const columns = panel.metrics.map(({ key }) => key).join()
    groups.set(columns, [...(groups.get(columns) ?? []), panel])
  }
  return [...groups.values()]
}

function table(panels: readonly Panel[], spread: boolean): string {
  const [first, ...others] = panels[0]?.metrics ?? []
  if (first === undefined) return ''
  const ratios = [
    { title: '× Socket.IO', base: socketIo },
    { title: '× best peer', base: bestOther },
  ].filter(({ base }) => panels.some((panel) => base(panel) !== undefined))
  const header = [
    'setup',
    'server',
    heading(first),
    ...(spread ? ['lowest–highest'] : []),
    ...ratios.map(({ title }) => (first.better === 'less' ? `${title} (less is better)` : title)),
    ...others.map(heading),
    'guarantee',
  ]
  const rows = panels.flatMap((panel) =>
    panel.rows.map((row, index) => [
      index === 0 ? panel.setup : '',
      row.peer,
      ...mainCells(row, first).slice(0, spread ? 2 : 1),
      ...ratios.map(({ base }) => ratioCell(mainValue(panel, row), base(panel))),
      ...others.map((metric) => medianCell(row, metric)),
      row.guarantee,
    ]),
  )
  return markdownTable(header, rows)
}

function mainCells(row: Row, metric: Metric): [string, string] {
  const value = row.values[metric.key]
  if (row.failures.length > 0) return ['FAILED', '–']
  if (value === undefined) return ['–', '–']
  return [
    cell(value.median, metric),
    `${cell(value.lowest, metric)}–${cell(value.highest, metric)}`,
  ]
}

function medianCell(row: Row, metric: Metric): string {
  const value = row.values[metric.key]
  return value === undefined || row.failures.length > 0 ? '–' : cell(value.median, metric)
}

function ratioCell(value: number | undefined, base: number | undefined): string {
  return value === undefined || base === undefined || base === 0 ? '–' : times(value / base)
}

function notes({ rows, missing }: Results): string {
  const failed = rows.flatMap((row) =>
    row.failures.map((failure) => `- ${nameOf(row)}: FAILED: ${failure}`),
  )
  const ofPeers = Object.entries(missing).map(([peer, what]) => `- ${peer} is missing: ${what}`)
  return [...failed, ...warnings(rows), ...ofPeers].join('\n')
}

/** A warning that many rows share stands once: with their names, or as its worst. */
function warnings(rows: readonly Row[]): string[] {
  const shared = new Map<string, { name: string; text: string }[]>()
  for (const row of rows) {
    for (const text of row.warnings) {
      const kind = text.replaceAll(/\d+/g, '#')
      shared.set(kind, [...(shared.get(kind) ?? []), { name: nameOf(row), text }])
    }
  }
  return [...shared.values()].flatMap((same) => {
    if (same.length <= NAMED) return same.map(({ name, text }) => `- ${name}: ${text}`)
    const worst = same.reduce((a, b) => (firstNumber(b.text) > firstNumber(a.text) ? b : a))
    return same.every(({ text }) => text === worst.text)
      ? `- ${same.map(({ name }) => name).join('; ')}: ${worst.text}`
      : `- ${worst.name}, and ${same.length - 1} other rows less: ${worst.text}`
  })
}

function firstNumber(text: string): number {
  return Number(/\d+/.exec(text)?.[0] ?? 0)
}

function nameOf({ peer, setup }: Row): string {
  return `${peer}, ${setup}`
}
