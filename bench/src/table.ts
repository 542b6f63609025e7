import type { Metric } from './scenario.ts'

/** A Markdown table; columns whose cells are all numbers stand right. */
export function markdownTable(header: readonly string[], rows: readonly string[][]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const right = header.map((_, column) =>
    rows.every((row) => /^[–\d][\d.,×–% kMs/-]*$/.test(row[column] ?? '')),
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

/** Three significant digits with k or M; whole numbers below a thousand as they are. */
export function short(value: number): string {
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)} M`
  if (value >= 999.5) return `${(value / 1e3).toPrecision(3)} k`
  return Number.isInteger(value) ? String(value) : value.toPrecision(3)
}

/** A multiple: '1.24×', '61.0×', '0.0071×'. */
export function times(value: number): string {
  if (value > 0 && value < 0.1) return `${value.toPrecision(2)}×`
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)}×`
}

/** 'deliveries/s', 'p99 (ms)'; a share stands in the cells: 'server CPU'. */
export function heading({ label, unit }: Metric): string {
  if (unit === '' || unit === '%') return label
  return unit.startsWith('/') ? `${label}${unit}` : `${label} (${unit})`
}

/** A cell under `heading`. */
export function cell(value: number, { unit }: Metric): string {
  if (unit === '%') return `${Math.round(value)} %`
  if (unit === 'ms') return milliseconds(value)
  return short(value)
}

/** With its unit, for a label that stands alone: '23.4 M/s', '1.20 ms'. */
export function labelled(value: number, metric: Metric): string {
  const { unit } = metric
  if (unit === '' || unit === '%') return cell(value, metric)
  return unit.startsWith('/') ? `${cell(value, metric)}${unit}` : `${cell(value, metric)} ${unit}`
}

function milliseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
