import { describe, expect, test } from 'vitest'

import { type Peer, peerNamed } from '../peers.ts'
import type { Rig } from '../run.ts'
import type { Sample } from '../sample.ts'
import { toOutcome } from './broadcast.ts'
import { type Cell, interleave, type Outcome, toRow } from './interleave.ts'

const once = { warmup: 0, seconds: 1, repeat: 1, quick: false }
const tell = (values: Outcome['values']) => `${values['rate']}/s`

function rigWith(lines: string[]): Rig {
  return {
    pinning: { server: [], generator: [], note: '' },
    progress: (line) => void lines.push(line),
  }
}

function cellOf(peer: Peer, ...outcomes: Outcome[]): Cell {
  const left = [...outcomes]
  return {
    peer,
    setup: '1 in flight',
    run: () => {
      const next = left.shift()
      return next ? Promise.resolve(next) : Promise.reject(new Error('it did not come up'))
    },
  }
}

const [ws, bun] = [peerNamed('ws'), peerNamed('bun')]
const rate = (value: number): Outcome => ({ values: { rate: value } })

test('cells take turns, repetition by repetition', async () => {
  const lines: string[] = []
  const cells = [cellOf(ws, rate(1), rate(3)), cellOf(bun, rate(2), rate(4))]
  const rows = await interleave(rigWith(lines), cells, { ...once, repeat: 2 }, tell)
  expect(lines).toEqual([
    '[1/4] ws, 1 in flight: 1/s',
    '[2/4] bun, 1 in flight: 2/s',
    '[3/4] ws, 1 in flight: 3/s',
    '[4/4] bun, 1 in flight: 4/s',
  ])
  expect(rows.map(({ peer, values }) => [peer, values['rate']])).toEqual([
    ['ws', { median: 2, lowest: 1, highest: 3 }],
    ['bun', { median: 3, lowest: 2, highest: 4 }],
  ])
})

test('a cell that throws has failed and the others go on', async () => {
  const lines: string[] = []
  const [broken, good] = await interleave(
    rigWith(lines),
    [cellOf(ws), cellOf(bun, rate(2))],
    once,
    tell,
  )
  expect(broken?.failures).toEqual(['it did not come up'])
  expect(good?.failures).toEqual([])
  expect(lines[0]).toBe('[1/2] ws, 1 in flight: it did not come up')
})

describe('a row', () => {
  const cell = cellOf(ws)

  test('fails when one repetition did, each reason once', () => {
    const row = toRow(cell, [
      rate(1),
      { values: {}, failure: 'gap' },
      { values: {}, failure: 'gap' },
    ])
    expect(row.failures).toEqual(['gap'])
  })

  test('has no value for what was not measured', () => {
    expect(toRow(cell, [{ values: { rate: 1, p99: undefined } }]).values).toEqual({
      rate: { median: 1, lowest: 1, highest: 1 },
    })
  })

  test('warns when the generator may have been the bottleneck in any repetition', () => {
    const row = toRow(cell, [
      { ...rate(1), generatorCpu: 0.5 },
      { ...rate(1), generatorCpu: 0.95 },
    ])
    expect(row.warnings).toEqual(['the generator used 95 % of its core: read as at least'])
  })

  test('warns when the machine did something else', () => {
    expect(toRow(cell, [{ ...rate(1), otherCpu: 0.05 }]).warnings).toEqual([])
    expect(toRow(cell, [{ ...rate(1), otherCpu: 0.5 }]).warnings).toEqual([
      'something else used up to 50 % of a core: expect noise',
    ])
  })

  test("has the peer's guarantee where the cell has none", () => {
    expect(toRow(cell, []).guarantee).toBe(ws.guarantee)
    expect(toRow({ ...cell, guarantee: 'none' }, []).guarantee).toBe('none')
  })
})

test('a broadcast is told by its rate, its cost and its latency', () => {
  const sample: Sample = {
    ok: true,
    seconds: 2,
    deliveries: 400_000,
    publications: 2000,
    acks: 2000,
    cpuSeconds: 1,
    serverCpuSeconds: 1.6,
    otherCpuSeconds: 0.02,
    frameBytes: 102,
    wireBytes: 0,
    lastSubscriberMs: { p50: 0.9, p99: 1.5, p999: 2, max: 3 },
    total: { publications: 2500, receivedByAll: 2500, acks: 2500 },
  }
  expect(toOutcome(sample)).toEqual({
    values: {
      rate: 200_000,
      perCpuSecond: 250_000,
      p50: 0.9,
      p99: 1.5,
      serverCpu: 80,
      generatorCpu: 50,
    },
    generatorCpu: 0.5,
    otherCpu: 0.01,
  })
  const problem = { kind: 'gap', subscriber: 7, expected: 12, received: 13, text: '' } as const
  expect(toOutcome({ ...sample, ok: false, problem }).failure).toBe(
    'gap: subscriber 7 expected publication 12 and got 13',
  )
})
