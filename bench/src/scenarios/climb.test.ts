import { describe, expect, test } from 'vitest'

import { peerNamed } from '../peers.ts'
import { Climb, givesUp, type Rung } from './climb.ts'

const held: Rung = { values: {}, sustained: true }
const behind: Rung = { values: {}, sustained: false }
const closed: Rung = {
  ...behind,
  failure: 'closed: the publisher',
  gaveUp: 'closed: the publisher',
}
const gap: Rung = { ...behind, failure: 'gap: subscriber 7 expected publication 12 and got 13' }

/** The row of a climb over 250, 500, 1,000 … with these rungs, a list for each repetition. */
function rowOf(...repetitions: Rung[][]) {
  const climb = new Climb()
  for (const rungs of repetitions) {
    climb.begin()
    for (const [index, rung] of rungs.entries()) climb.rung(250 * 2 ** index, rung)
  }
  return climb.row(peerNamed('nats'), 'ladder')
}

describe('a climb ends at the last rate that was held', () => {
  test.each([
    { why: 'the next is not sustained', rung: behind, warnings: [] },
    {
      why: 'the server lets somebody go at the next',
      rung: closed,
      warnings: ['the ladder ends at 1,000/s with closed: the publisher'],
    },
  ])('when $why', ({ rung, warnings }) => {
    const row = rowOf([held, held, rung, held])
    expect(row.values['highest']?.median).toBe(500)
    expect(row.failures).toEqual([])
    expect(row.warnings).toEqual(warnings)
  })

  test('and at nothing when the first is not held', () => {
    expect(rowOf([closed]).values['highest']?.median).toBe(0)
  })
})

test('a publication that is lost fails the climb, however high it was', () => {
  expect(rowOf([held, held, gap]).failures).toEqual([gap.failure])
})

test('what happens above the rate at which a server fell is of no account', () => {
  expect(rowOf([held, behind, gap]).failures).toEqual([])
})

test('every repetition climbs anew', () => {
  const { values } = rowOf([held, closed], [held, held, held, behind])
  expect(values['highest']).toEqual({ median: 625, lowest: 250, highest: 1000 })
})

test.each([
  ['closed', true],
  ['stall', true],
  ['gap', false],
  ['duplicate', false],
  ['reorder', false],
  ['offset', false],
  ['refused', false],
  ['unexpected', false],
] as const)('%s is giving up: %s', (kind, gives) => {
  expect(givesUp({ kind, subscriber: 0, expected: 1, received: 2, text: '' })).toBe(gives)
})
