/** Length of the longest bar, in pixels. */
const BAR_LENGTH = 268

/** Values further apart than this are drawn on a logarithmic scale. */
const LINEAR_RANGE = 50

/** How values become lengths. */
export interface Scale {
  logarithmic: boolean
  /** Values at the left and the right end. */
  from: number
  to: number
}

/** Linear from 0, or logarithmic from the power of ten below the lowest. */
export function scaleOf(values: readonly number[]): Scale {
  const lowest = Math.min(...values)
  const highest = Math.max(0, ...values)
  if (values.length === 0 || lowest <= 0 || highest / lowest <= LINEAR_RANGE) {
    return { logarithmic: false, from: 0, to: highest || 1 }
  }
  return { logarithmic: true, from: 10 ** Math.floor(Math.log10(lowest * 0.9)), to: highest }
}

export function lengthOf(value: number, { logarithmic, from, to }: Scale): number {
  const share = logarithmic ? Math.log10(value / from) / Math.log10(to / from) : value / to
  return Math.max(1, share * BAR_LENGTH)
}

/** Powers of ten of a logarithmic scale; the left end of a linear one. */
export function marks({ logarithmic, from, to }: Scale): number[] {
  if (!logarithmic) return []
  const count = Math.floor(Math.log10(to / from) + 1e-9) + 1
  return Array.from({ length: count }, (_, index) => from * 10 ** index)
}
