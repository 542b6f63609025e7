import { expect, it } from 'vitest'
import { hashId, IdWindow, WINDOW_MS } from './id-window.ts'

const any = (): boolean => true

it('finds the rows of a hash until one matches', () => {
  const window = new IdWindow()
  for (const row of [7, 8, 9]) window.add(42, row, 0)
  expect(window.find(42, (row) => row > 7)).toBe(8)
  expect(window.find(42, () => false)).toBeUndefined()
  expect(window.find(43, any)).toBeUndefined()
})

it('finds them among many others', () => {
  const window = new IdWindow()
  for (let i = 1; i <= 50_000; i++) window.add(hashId(1, `id-${i}`), i, 0)
  for (let i = 1; i <= 50_000; i += 997) {
    expect(window.find(hashId(1, `id-${i}`), (row) => row === i)).toBe(i)
  }
})

it('remembers for five minutes at least and ten at most', () => {
  const window = new IdWindow()
  window.add(1, 1, 0)
  window.add(2, 2, WINDOW_MS)
  window.add(3, 3, WINDOW_MS + 1)
  expect([1, 2, 3].map((hash) => window.find(hash, any))).toEqual([1, 2, 3])
  window.add(4, 4, 2 * WINDOW_MS + 2)
  expect([1, 2, 3].map((hash) => window.find(hash, any))).toEqual([undefined, undefined, 3])
})

it('forgets the older half when there are too many', () => {
  const window = new IdWindow(10)
  for (let i = 1; i <= 25; i++) window.add(i, i, 0)
  expect(window.find(10, any)).toBeUndefined()
  expect(window.find(11, any)).toBe(11)
})

it('hashes channel and id', () => {
  expect(hashId(1, 'a')).not.toBe(hashId(2, 'a'))
  expect(hashId(1, 'a')).not.toBe(hashId(1, 'b'))
  expect(hashId(3, 'x'.repeat(128))).toBeGreaterThanOrEqual(0)
})
