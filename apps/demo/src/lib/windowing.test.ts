import { array, assert, integer, nat, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rowAt, topsOf, windowOf } from './windowing.ts'

const heights = array(integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 60 })
const topsFor = (list: readonly number[]): Float64Array =>
  topsOf(list.length, (index) => list[index] ?? 0)

describe('a window on a long list', () => {
  it('finds the row that covers a position', () => {
    assert(
      property(heights, nat(20_000), (list, y) => {
        const tops = topsFor(list)
        const index = rowAt(tops, y)
        const inside = y < (tops.at(-1) ?? 0)
        expect(inside ? index : list.length - 1).toBe(
          inside ? list.findIndex((_, row) => y < (tops[row + 1] ?? 0)) : index,
        )
      }),
    )
  })

  it('covers everything that can be seen', () => {
    assert(
      property(heights, nat(20_000), nat(900), nat(500), (list, scrolled, height, margin) => {
        const tops = topsFor(list)
        const total = tops.at(-1) ?? 0
        const top = Math.min(scrolled, Math.max(0, total - height))
        const { from, to } = windowOf(tops, top, height, margin)
        expect(tops[from] ?? 0).toBeLessThanOrEqual(top)
        expect(tops[to] ?? 0).toBeGreaterThanOrEqual(Math.min(total, top + height))
      }),
    )
  })

  it('is empty for an empty list', () => {
    expect(windowOf(topsFor([]), 0, 500, 100)).toEqual({ from: 0, to: 0 })
  })
})
