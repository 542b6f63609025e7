import { highestOtherCpu, type Row, ratioTo } from './summary.ts'

/** Share of one core that other work may take before the table speaks of noise. */
const OTHER_LIMIT = 0.1

/** A Markdown table; columns whose cells are all numbers stand right. */
export function markdownTable(header: readonly string[], rows: readonly string[][]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const right = header.map((_, column) =>
    rows.every((row) => /^[–\d][\d.,×–% kM/-]*$/.test(row[column] ?? '')),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells
      .map((cell, column) =>
        right[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join(' | ')} |`
  const rule = widths.map((width, column) =>
    right[column] ? `${'-'.repeat(Math.max(width - 1, 2))}:` : '-'.repeat(Math.max(width, 3)),
  )
  return [line(header), line(rule), ...rows.map((row) => line(row))].join('\n')
}

export function fanoutTable(rows: readonly Row[]): string {
  const header = [
    'server',
    'in flight',
    'deliveries/s',
    'lowest–highest',
    '× Socket.IO',
    'per server CPU-s',
    'server CPU',
    'p50/p99 ms',
    'generator CPU',
    'guarantee',
  ]
  const cells = rows.map((row) => [
    row.peer,
    String(row.inFlight),
    ...rateCells(row),
    multiple(
      ratioTo(row, rows, (base) => base.peer === 'socket.io' && base.inFlight === row.inFlight),
    ),
    short(row.perServerCpuSecond),
    percent(row.serverCpu),
    `${milliseconds(row.p50)}/${milliseconds(row.p99)}`,
    percent(row.generatorCpu),
    row.guarantee,
  ])
  return withNotes(markdownTable(header, cells), rows)
}

export function durableTable(rows: readonly Row[]): string {
  const header = [
    'server',
    'in flight',
    'acked/s',
    'lowest–highest',
    '× one in flight',
    'per server CPU-s',
    'server CPU',
    'ack p50/p99 ms',
  ]
  const cells = rows.map((row) => [
    row.peer,
    String(row.inFlight),
    ...rateCells(row),
    multiple(ratioTo(row, rows, (base) => base.peer === row.peer && base.inFlight === 1)),
    short(row.perServerCpuSecond),
    percent(row.serverCpu),
    `${milliseconds(row.p50)}/${milliseconds(row.p99)}`,
  ])
  return withNotes(markdownTable(header, cells), rows)
}

/** Three significant digits with k or M. */
export function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`
  if (value >= 1e3) return `${(value / 1e3).toPrecision(3)} k`
  return value.toPrecision(3)
}

function rateCells(row: Row): string[] {
  if (row.failures.length > 0) return ['FAILED', '–']
  return [short(row.rate.median), `${short(row.rate.lowest)}–${short(row.rate.highest)}`]
}

function multiple(value: number | undefined): string {
  return value === undefined ? '–' : `${value >= 10 ? value.toFixed(1) : value.toFixed(2)}×`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

function milliseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function withNotes(table: string, rows: readonly Row[]): string {
  const notes = rows.flatMap((row) =>
    [...new Set([...row.failures.map((text) => `FAILED: ${text}`), ...row.warnings])].map(
      (text) => `- ${row.peer}, ${row.inFlight} in flight: ${text}`,
    ),
  )
  const other = highestOtherCpu(rows)
  if (other > OTHER_LIMIT)
    notes.push(`- something else used up to ${percent(other)} of a core: expect noise`)
  return notes.length === 0 ? table : `${table}\n\n${notes.join('\n')}`
}
