import { describe, expect, it } from 'vitest'
import { ago, counted, listed, sizeOf } from './words.ts'

describe('words', () => {
  it.each([
    [['ada'], 'ada'],
    [['ada', 'bob'], 'ada and bob'],
    [['ada', 'bob', 'cleo'], 'ada, bob and cleo'],
    [['ada', 'bob', 'cleo', 'dora'], 'ada, bob and 2 others'],
    [[], ''],
  ])('list %j as "%s"', (names, words) => {
    expect(listed(names)).toBe(words)
  })

  it.each([
    [512, '512 B'],
    [1500, '1.5 KB'],
    [12_000_000, '12 MB'],
    [0, '0 B'],
  ])('tell that %i bytes are %s', (bytes, size) => {
    expect(sizeOf(bytes)).toBe(size)
  })

  it('count', () => {
    expect([counted(1, 'member'), counted(2000, 'member')]).toEqual(['1 member', '2,000 members'])
  })

  it.each([
    [5_000, 'just now'],
    [5 * 60_000, '5 min ago'],
    [3 * 3_600_000, '3 h ago'],
    [30 * 3_600_000, 'yesterday'],
    [96 * 3_600_000, '4 days ago'],
  ])('tell that %i ms before is %s', (passed, words) => {
    expect(ago(1_000_000, 1_000_000 + passed)).toBe(words)
  })
})
