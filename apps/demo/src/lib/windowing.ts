/** Where each of `count` rows begins, and, last, where the list ends. */
export function topsOf(count: number, heightOf: (index: number) => number): Float64Array {
  const tops = new Float64Array(count + 1)
  for (let index = 0; index < count; index += 1) {
    tops[index + 1] = (tops[index] ?? 0) + heightOf(index)
  }
  return tops
}

/** The row that covers `y`; the nearest one when `y` is outside. */
export function rowAt(tops: Float64Array, y: number): number {
  let low = 0
  let high = tops.length - 2
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((tops[middle] ?? 0) <= y) low = middle
    else high = middle - 1
  }
  return Math.max(0, low)
}

/** The rows to render, `[from, to)`, for what is seen at `scrollTop` and `margin` pixels on both sides. */
export function windowOf(
  tops: Float64Array,
  scrollTop: number,
  height: number,
  margin: number,
): { from: number; to: number } {
  const count = tops.length - 1
  if (count === 0) return { from: 0, to: 0 }
  return {
    from: rowAt(tops, scrollTop - margin),
    to: rowAt(tops, scrollTop + height + margin) + 1,
  }
}
