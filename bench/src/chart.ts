import { lengthOf, marks, type Scale, scaleOf } from './chart-scale.ts'
import { isOurs, mainValue, type Panel, panelsOf } from './panels.ts'
import type { Metric, Row, Scenario } from './scenario.ts'
import { heading, labelled, short } from './table.ts'

const WIDTH = 860
const MARGIN = 24
/** Where bars begin and where the guarantees stand. */
const BAR_X = 172
const GUARANTEE_X = 548
const GUARANTEE_LETTERS = 48
const BAR = 14
const LINE = 14

/** A part of the picture and how much height it takes. */
interface Block {
  svg: (y: number) => string
  height: number
}

/** Horizontal bars, a panel for each setup, the best on top: an SVG for light and dark pages. */
export function chart(scenario: Scenario, rows: readonly Row[]): string {
  const { chart: chosen } = scenario
  const panels = panelsOf(scenario, rows).filter(({ setup }) => chosen?.includes(setup) ?? true)
  const title = `${scenario.id.toUpperCase()}: ${scenario.title}`
  const subjects = [...new Set(panels.map(subjectOf))]
  const instead = scenario.metrics.find(({ key }) => key === scenario.instead)
  const blocks = [
    head(title, [
      ...(subjects.length === 1 ? subjects : []),
      'one core for the server',
      ...(panels.some(isRepeated) ? ['thin lines: lowest to highest'] : []),
    ]),
    ...panels.flatMap((panel) => panelBlocks(panel, subjects.length > 1, instead)),
  ]
  let y = MARGIN
  const parts = blocks.map(({ svg, height }) => {
    const part = svg(y)
    y += height
    return part
  })
  return document(title, describe(panels, instead), y + MARGIN / 2, parts)
}

function document(title: string, description: string, height: number, parts: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title about">`,
    `<title id="title">${escape(title)}</title>`,
    `<desc id="about">${escape(description)}</desc>`,
    `<style>${style}</style>`,
    `<rect class="page" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}

/** The demo's tokens, as an image on a page must carry them with it. */
const style = `
text { font: 13px ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif; font-variant-numeric: tabular-nums; fill: #151a21; stroke: #ffffff; stroke-width: 3px; paint-order: stroke }
.title { font-size: 15px; font-weight: 600 }
.setup { font-weight: 600 }
.quiet { font-size: 12px; font-weight: 400; fill: #4d5766 }
.small { font-size: 11px; fill: #667080 }
.ours { font-weight: 600; fill: #0f766e }
.page { fill: #ffffff; stroke: #e3e7ec }
.bar { fill: #a9b3bf }
.bar.ours { fill: #0d9488 }
.grid { stroke: #e3e7ec }
.spread { stroke: #151a21; stroke-opacity: 0.7; fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #e6e9ee; stroke: #101318 }
.quiet { fill: #a7b0bd }
.small { fill: #8891a0 }
text.ours { fill: #2dd4bf }
.page { fill: #101318; stroke: #232a33 }
.bar { fill: #56616f }
.bar.ours { fill: #2dd4bf }
.grid { stroke: #232a33 }
.spread { stroke: #e6e9ee }
}
`

function head(title: string, said: readonly string[]): Block {
  return {
    height: 40,
    svg: (y) =>
      text(MARGIN, y + 12, title, 'title') + text(MARGIN, y + 32, said.join(' · '), 'quiet'),
  }
}

function isRepeated({ metrics, rows }: Panel): boolean {
  return rows.some(({ values }) => {
    const spread = values[metrics[0]?.key ?? '']
    return spread !== undefined && spread.lowest < spread.highest
  })
}

/** What the bars of a panel stand for. */
function subjectOf({ metrics }: Panel): string {
  const [metric] = metrics
  return metric === undefined ? '' : `${heading(metric)}, ${metric.better} is better`
}

function panelBlocks(panel: Panel, ownSubject: boolean, instead: Metric | undefined): Block[] {
  const [metric] = panel.metrics
  if (metric === undefined) return []
  const scale = scaleOf(valuesOf(panel))
  const said = [
    ...(ownSubject ? [subjectOf(panel)] : []),
    ...(scale.logarithmic ? ['logarithmic scale'] : []),
  ]
  const rows = inOrder(panel, metric)
  const bars = rows.map((row) => barBlock(panel, row, scale, { metric, instead }))
  const height = bars.reduce((sum, block) => sum + block.height, 0)
  const label: Block = {
    height: 38,
    svg: (y) => {
      const quiet = said.map((each) => `<tspan class="quiet"> · ${escape(each)}</tspan>`).join('')
      const setup = `<text x="${MARGIN}" y="${y + 26}" class="setup">${escape(panel.setup)}${quiet}</text>`
      return grid(scale, y + 35, height) + setup
    },
  }
  return [label, ...bars, { height: scale.logarithmic ? 20 : 6, svg: (y) => ticks(scale, y) }]
}

function barBlock(
  panel: Panel,
  row: Row,
  scale: Scale,
  { metric, instead }: { metric: Metric; instead: Metric | undefined },
): Block {
  const value = mainValue(panel, row)
  const lines = wrap(row.guarantee, GUARANTEE_LETTERS)
  const height = Math.max(24, 8 + lines.length * LINE)
  const ours = isOurs(row.peer) ? ' ours' : ''
  const length = value === undefined ? 0 : lengthOf(value, scale)
  const { lowest, highest } = spreadOf(row, metric, scale)
  const label = value === undefined ? missingLabel(row, instead) : labelled(value, metric)
  return {
    height,
    svg: (y) => {
      const middle = y + height / 2
      return [
        text(MARGIN, middle + 4, row.peer, ours.trim()),
        `<rect class="bar${ours}" x="${BAR_X}" y="${middle - BAR / 2}" width="${round(length)}" height="${BAR}" rx="3"/>`,
        highest - lowest < 3 ? '' : whisker(lowest, highest, middle),
        text(BAR_X + round(Math.max(length, highest)) + 8, middle + 4, label, ours.trim()),
        ...lines.map((line, index) =>
          text(GUARANTEE_X, middle + 4 + (index - (lines.length - 1) / 2) * LINE, line, 'small'),
        ),
      ].join('')
    },
  }
}

/** The lowest and the highest of the repetitions, as lengths. */
function spreadOf(row: Row, metric: Metric, scale: Scale): { lowest: number; highest: number } {
  const spread = row.values[metric.key]
  if (spread === undefined || row.failures.length > 0) return { lowest: 0, highest: 0 }
  return { lowest: lengthOf(spread.lowest, scale), highest: lengthOf(spread.highest, scale) }
}

function whisker(from: number, to: number, middle: number): string {
  const [left, right] = [round(BAR_X + from), round(BAR_X + to)]
  return `<path class="spread" d="M${left} ${middle - 3}v6M${left} ${middle}H${right}M${right} ${middle - 3}v6"/>`
}

/** What is known of a row all the same: 'lost 30 k'. */
function missingLabel({ failures, values }: Row, instead: Metric | undefined): string {
  if (failures.length > 0) return 'failed'
  const known = instead && values[instead.key]?.median
  if (instead === undefined || known === undefined) return 'not measured'
  return `${instead.label} ${labelled(known, instead)}`
}

/** The best first; what has no value last. */
function inOrder(panel: Panel, { better }: Metric): Row[] {
  const worst = better === 'more' ? -Infinity : Infinity
  const rank = (row: Row) => (mainValue(panel, row) ?? worst) * (better === 'more' ? -1 : 1)
  return [...panel.rows].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)))
}

/** What the bars and their thin lines have to find room for. */
function valuesOf({ metrics, rows }: Panel): number[] {
  return rows
    .filter(({ failures }) => failures.length === 0)
    .flatMap(({ values }) => {
      const spread = values[metrics[0]?.key ?? '']
      return spread === undefined ? [] : [spread.lowest, spread.highest]
    })
}

function markX(mark: number, scale: Scale): number {
  return mark === scale.from ? BAR_X : round(BAR_X + lengthOf(mark, scale))
}

function grid(scale: Scale, y: number, height: number): string {
  return [scale.from, ...marks(scale).slice(1)]
    .map((mark) => markX(mark, scale))
    .map((x) => `<path class="grid" d="M${x} ${y}v${height + 6}"/>`)
    .join('')
}

function ticks(scale: Scale, y: number): string {
  return marks(scale)
    .map((mark) => {
      const label = short(mark)
        .replace('.00', '')
        .replace(/(\d)\.0\b/, '$1')
      return text(markX(mark, scale), y + 14, label, 'small', 'middle')
    })
    .join('')
}

/** Words in lines of at most `letters`. */
function wrap(sentence: string, letters: number): string[] {
  const lines = ['']
  for (const word of sentence.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && line.length + 1 + word.length > letters) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}

/** For those who do not see the picture. */
function describe(panels: readonly Panel[], instead: Metric | undefined): string {
  return panels
    .map((panel) => {
      const [metric] = panel.metrics
      if (metric === undefined) return ''
      const values = inOrder(panel, metric).map((row) => {
        const value = mainValue(panel, row)
        return `${row.peer} ${value === undefined ? missingLabel(row, instead) : labelled(value, metric)}`
      })
      return `${panel.setup}: ${values.join(', ')}.`
    })
    .join(' ')
}

function text(x: number, y: number, content: string, classes: string, anchor?: 'middle'): string {
  const className = classes === '' ? '' : ` class="${classes}"`
  const anchored = anchor === undefined ? '' : ` text-anchor="${anchor}"`
  return `<text x="${x}" y="${round(y)}"${className}${anchored}>${escape(content)}</text>`
}

function escape(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
