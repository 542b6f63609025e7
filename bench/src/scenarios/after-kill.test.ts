import { expect, test } from 'vitest'

import { checkChannel, parseLedger, type Stored } from './after-kill.ts'

/** Publisher and sequence number of each publication, from offset 1. */
const stored = (...publishes: [publisher: number, sequence: number][]): Stored[] =>
  publishes.map(([publisher, sequence], index) => ({
    payload: {
      content: `${String(publisher).padStart(3, '0')}0007${String(sequence).padStart(9, '0')}xxx`,
    },
    metadata: { offset: index + 1 },
  }))

const acknowledged = (...publishes: [publisher: number, sequence: number][]) =>
  publishes.map(([publisher, sequence]) => ({ channel: 7, publisher, sequence }))

test('a ledger has a line for each channel and publisher', () => {
  expect(parseLedger('0 0 12\n0 1 0\n')).toEqual([
    { channel: 0, publisher: 0, sequence: 12 },
    { channel: 0, publisher: 1, sequence: 0 },
  ])
})

test('what was acknowledged is there, and more may be', () => {
  const check = checkChannel(
    acknowledged([0, 2], [1, 1], [2, 0]),
    stored([0, 1], [1, 1], [0, 2], [2, 1]),
  )
  expect(check).toEqual({ kept: 3, lost: 0 })
})

test('what is missing at the end is lost', () => {
  const check = checkChannel(acknowledged([0, 3], [1, 2]), stored([0, 1], [1, 1], [0, 2]))
  expect(check).toEqual({ kept: 3, lost: 2 })
})

test('an empty channel has lost everything', () => {
  expect(checkChannel(acknowledged([0, 3]), [])).toEqual({ kept: 0, lost: 3 })
})

test.each<[string, [number, number][], string]>([
  [
    'missing',
    [
      [0, 1],
      [0, 3],
    ],
    'number 3 of publisher 0 stands where 2 should',
  ],
  [
    'there twice',
    [
      [0, 1],
      [0, 1],
    ],
    'number 1 of publisher 0 stands where 2 should',
  ],
  [
    'swapped',
    [
      [0, 2],
      [0, 1],
    ],
    'number 2 of publisher 0 stands where 1 should',
  ],
])('a number that is %s is disorder', (_, publishes, disorder) => {
  expect(checkChannel(acknowledged([0, 2]), stored(...publishes)).disorder).toBe(disorder)
})

test('an offset that is missing is disorder', () => {
  const [first, second] = stored([0, 1], [0, 2])
  if (first === undefined || second === undefined) throw new Error('There are two.')
  const moved = { ...second, metadata: { offset: 3 } }
  expect(checkChannel(acknowledged([0, 2]), [first, moved]).disorder).toBe(
    'offset 3 stands where 2 should',
  )
})
