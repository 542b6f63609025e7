import { expect, test } from 'vitest'

import type { Metric } from './scenario.ts'
import { median, spread } from './summary.ts'
import { cell, heading, labelled, markdownTable, short, times } from './table.ts'

test('a Markdown table is aligned, numbers to the right', () => {
  expect(
    markdownTable(
      ['name', 'rate'],
      [
        ['ws', '1.00 M'],
        ['socket.io', '–'],
      ],
    ),
  ).toBe(
    [
      '| name      |   rate |',
      '| --------- | -----: |',
      '| ws        | 1.00 M |',
      '| socket.io |      – |',
    ].join('\n'),
  )
})

test('a number is written with three digits', () => {
  expect([0, 7, 12.34, 999, 999.7, 1234, 167_890, 999_900, 23_400_000].map(short)).toEqual([
    '0',
    '7',
    '12.3',
    '999',
    '1.00 k',
    '1.23 k',
    '168 k',
    '1.00 M',
    '23.4 M',
  ])
})

test.each<[Metric['unit'], string, string, string]>([
  ['/s', 'x/s', '12.5', '12.5/s'],
  ['ms', 'x (ms)', '12.5', '12.5 ms'],
  ['%', 'x', '13 %', '13 %'],
  ['KB', 'x (KB)', '12.5', '12.5 KB'],
  ['', 'x', '12.5', '12.5'],
])('a value in "%s" has a heading, a cell and a label', (unit, head, inCell, alone) => {
  const metric: Metric = { key: 'x', label: 'x', unit, better: 'more' }
  expect([heading(metric), cell(12.5, metric), labelled(12.5, metric)]).toEqual([
    head,
    inCell,
    alone,
  ])
})

test('a multiple keeps as many digits as mean something', () => {
  expect([0, 0.00714, 0.987, 12.34, 155.4].map(times)).toEqual([
    '0.00×',
    '0.0071×',
    '0.99×',
    '12.3×',
    '155×',
  ])
})

test('the median of an even number of values lies between the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([])).toBe(0)
  expect(spread([3, 1, 2])).toEqual({ median: 2, lowest: 1, highest: 3 })
})
