import { describe, expect, test } from 'vitest'

import type { PeerName } from './peers.ts'
import type { Sample } from './sample.ts'
import { acksMeasure, deliveriesMeasure, median, type Row, summarize } from './summary.ts'
import { durableTable, fanoutTable, markdownTable, short } from './table.ts'

function sample(part: Partial<Sample> = {}): Sample {
  return {
    ok: true,
    seconds: 2,
    deliveries: 400_000,
    publications: 2000,
    acks: 2000,
    cpuSeconds: 1,
    serverCpuSeconds: 1.6,
    otherCpuSeconds: 0.02,
    frameBytes: 102,
    lastSubscriberMs: { p50: 0.9, p99: 1.5, max: 3 },
    ackMs: { p50: 0.2, p99: 0.4, max: 1 },
    total: { publications: 2500, receivedByAll: 2500, acks: 2500 },
    ...part,
  }
}

function row(peer: PeerName, samples: Sample[], inFlight = 1): Row {
  return summarize(peer, 'at most once', inFlight, samples, deliveriesMeasure)
}

const gap: Sample = sample({
  ok: false,
  problem: { kind: 'gap', subscriber: 7, expected: 12, received: 13, text: '' },
})

describe('a row', () => {
  test('holds the median, the spread and the rate per CPU second of the server', () => {
    const summary = row('ws', [
      sample({ deliveries: 600_000 }),
      sample({ deliveries: 400_000 }),
      sample({ deliveries: 500_000 }),
    ])
    expect(summary.rate).toEqual({ median: 250_000, lowest: 200_000, highest: 300_000 })
    expect(summary.perServerCpuSecond).toBe(500_000 / 1.6)
    expect(summary.serverCpu).toBe(0.8)
    expect(summary.generatorCpu).toBe(0.5)
    expect(summary.warnings).toEqual([])
  })

  test('warns when the generator may have been the bottleneck in any repetition', () => {
    const summary = row('bun', [sample(), sample({ cpuSeconds: 1.9 })])
    expect(summary.warnings).toEqual(['the generator used 95 % of its core'])
  })

  test('fails when one repetition broke the order', () => {
    expect(row('ws', [sample(), gap]).failures).toEqual([
      'gap: subscriber 7 expected publication 12 and got 13',
    ])
  })
})

describe('the fan-out table', () => {
  const socketIo = row('socket.io', [sample()])

  test('gives every rate as a multiple of Socket.IO at the same number in flight', () => {
    const lines = fanoutTable([
      row('bun', [sample({ deliveries: 600_000 })]),
      socketIo,
      row('bun', [sample()], 256),
    ]).split('\n')
    expect(lines[2]).toContain(' 1.50× ')
    expect(lines[3]).toContain(' 1.00× ')
    expect(lines[4]).not.toContain('×')
  })

  test('shows a failed row as failed, with the reason and without a ratio', () => {
    const table = fanoutTable([row('ws', [gap]), socketIo])
    expect(table.split('\n')[2]).toContain('FAILED')
    expect(table.split('\n')[2]).not.toContain('×')
    expect(table).toContain(
      '- ws, 1 in flight: FAILED: gap: subscriber 7 expected publication 12 and got 13',
    )
  })
})

test('a table says when the machine did something else', () => {
  const quiet = row('ws', [sample()])
  const busy = row('ws', [sample(), sample({ otherCpuSeconds: 1 })])
  expect(fanoutTable([quiet])).not.toContain('expect noise')
  expect(fanoutTable([quiet, busy])).toContain(
    '- something else used up to 50 % of a core: expect noise',
  )
})

test('the durable table gives every rate as a multiple of one in flight', () => {
  const durable = (inFlight: number, acks: number) =>
    summarize('tidewire', '', inFlight, [sample({ acks })], acksMeasure)
  const lines = durableTable([durable(1, 10_000), durable(64, 200_000)]).split('\n')
  expect(lines[2]).toContain(' 1.00× ')
  expect(lines[3]).toContain(' 20.0× ')
  expect(lines[3]).toContain('0.20/0.40')
})

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

test('a rate is written with three digits', () => {
  expect([12.34, 999, 1234, 167_890, 23_400_000].map(short)).toEqual([
    '12.3',
    '999',
    '1.23 k',
    '168 k',
    '23.4 M',
  ])
})

test('the median of an even number of values lies between the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([])).toBe(0)
})
