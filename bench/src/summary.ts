import type { Spread } from './scenario.ts'

/** Of at least one value. */
export function spread(values: readonly number[]): Spread {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) }
}

/** 0 of nothing; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}

/** `part / whole`; 0 where there is no whole. */
export function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
