import { describe, expect, test } from 'vitest'

import { conditions, report, section } from './report.ts'
import { boundTarget, ratioTarget, type Row, type Scenario } from './scenario.ts'
import { s6 } from './scenarios/s6-connect-storm.ts'
import { s6DropAll } from './scenarios/s6-drop-all.ts'
import { contest, resultsOf, row } from './testing/rows.ts'

const three = [
  row('tidewire', { rate: 12_000_000, p99: 3.2 }),
  row('bun', { rate: 6_000_000, p99: 8 }),
  row('socket.io', { rate: 150_000, p99: 617 }),
]

/** The cells of the line that holds `text`. */
function cellsOf(markdown: string, text: string): string[] {
  const line = markdown.split('\n').find((candidate) => candidate.includes(text)) ?? ''
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}

describe('a table', () => {
  const markdown = section(contest, resultsOf(three))

  test('names the columns', () => {
    expect(cellsOf(markdown, 'guarantee')).toEqual([
      'setup',
      'server',
      'deliveries/s',
      'lowest–highest',
      '× Socket.IO',
      '× best peer',
      'p99 (ms)',
      'guarantee',
    ])
  })

  test('gives every row as a multiple of Socket.IO and of the best peer', () => {
    expect(cellsOf(markdown, 'tidewire').slice(1)).toEqual([
      'tidewire',
      '12.0 M',
      '12.0 M–12.0 M',
      '80.0×',
      '2.00×',
      '3.20',
      'every offset once',
    ])
    expect(cellsOf(markdown, 'bun').slice(4, 6)).toEqual(['40.0×', '1.00×'])
  })

  test('prints a row that we lose like the others', () => {
    const lost = section(
      contest,
      resultsOf([row('tidewire', { rate: 100 }), row('bun', { rate: 400 })]),
    )
    expect(cellsOf(lost, 'tidewire')).toContain('0.25×')
  })

  test('takes the lowest for the best where less is better', () => {
    const [rate, p99] = contest.metrics
    if (!rate || !p99) throw new Error('The scenario has two metrics.')
    const idle: Scenario = { ...contest, metrics: [p99, rate] }
    expect(cellsOf(section(idle, resultsOf(three)), 'tidewire')[5]).toBe('0.40×')
  })

  test('leaves out the columns that nobody measured, and splits where setups differ in them', () => {
    const markdown = section(
      contest,
      resultsOf([...three, row('tidewire', { p99: 5 }, { setup: 'drop all' })]),
    )
    const headers = markdown.split('\n').filter((line) => line.includes('guarantee'))
    expect(headers).toHaveLength(2)
    expect(headers[1]).not.toContain('deliveries/s')
  })
})

describe('notes', () => {
  const broken: Partial<Row> = {
    failures: ['gap: subscriber 7 expected publication 12 and got 13'],
  }

  test('tell why a row failed, and it has no number', () => {
    const markdown = section(
      contest,
      resultsOf([row('bun', { rate: 600 }, broken), row('socket.io', { rate: 100 })]),
    )
    expect(cellsOf(markdown, '| bun')).toEqual(expect.arrayContaining(['FAILED', '–']))
    expect(markdown).not.toContain('600')
    expect(markdown).toContain(
      '- bun, 256 in flight: FAILED: gap: subscriber 7 expected publication 12 and got 13',
    )
  })

  test('tell what may spoil a row and who is missing', () => {
    const markdown = section(
      contest,
      resultsOf([row('bun', { rate: 1 }, { warnings: ['the generator used 95 % of its core'] })], {
        missing: { nats: 'install nats-server' },
      }),
    )
    expect(markdown).toContain('- bun, 256 in flight: the generator used 95 % of its core')
    expect(markdown).toContain('- nats is missing: install nats-server')
  })
})

test('a warning that many rows share stands once, as its worst', () => {
  const noisy = [12, 90, 30, 45].map((share) =>
    row(share === 90 ? 'bun' : 'ws', { rate: 1 }, { warnings: [`other work took ${share} %`] }),
  )
  expect(section(contest, resultsOf(noisy))).toContain(
    '- bun, 256 in flight, and 3 other rows less: other work took 90 %',
  )
})

test('a warning that is the same for many rows names them all', () => {
  const slow = (['bun', 'ws', 'nats', 'nchan'] as const).map((peer) =>
    row(peer, { rate: 1 }, { warnings: ['not sustained'] }),
  )
  expect(section(contest, resultsOf(slow))).toContain(
    '- bun, 256 in flight; ws, 256 in flight; nats, 256 in flight; nchan, 256 in flight: not sustained',
  )
})

test('a single repetition has no spread', () => {
  const options = { warmup: 1, seconds: 2, repeat: 1, quick: false }
  expect(section(contest, resultsOf(three, { options }))).not.toContain('lowest')
})

describe('the conditions', () => {
  const of = (repeat: number, scenario: Pick<Scenario, 'extent'> = contest) => {
    const options = { warmup: 1, seconds: 2, repeat, quick: false }
    return conditions(scenario, resultsOf(three, { options })).split('.')[0]
  }

  test('speak of medians and means only where there are some', () => {
    expect(of(3)).toBe('3 × 2 s after 1 s of warm-up, interleaved; medians')
    expect(of(2)).toBe('2 × 2 s after 1 s of warm-up, interleaved; means')
    expect(of(1)).toBe('1 run of 2 s after 1 s of warm-up')
  })

  test('speak of seconds only where the run is a window', () => {
    expect(of(1, { extent: () => '8,000 clients' })).toBe('1 run of 8,000 clients')
    for (const scenario of [s6, s6DropAll]) expect(of(2, scenario)).toMatch(/^2 × [\d,]+ clients /)
  })
})

describe('the report', () => {
  const setup = '256 in flight'
  const [rate] = contest.metrics
  if (!rate) throw new Error('The scenario has a metric.')
  const scenario: Scenario = {
    ...contest,
    targets: [
      ratioTarget({ setup, key: 'rate', of: 'bun', bound: 'at least', factor: 1.5 }),
      ratioTarget({ setup, key: 'rate', of: 'socket.io', bound: 'at least', factor: 100 }),
      ratioTarget({ setup, key: 'rate', of: 'ws', bound: 'at least', factor: 1 }),
      boundTarget({ setup, metric: rate, bound: 'at least', limit: 1000 }),
    ],
  }
  const markdown = report([scenario], [resultsOf(three)], (id) => `charts/${id}.svg`)

  test('says of every target whether it was met', () => {
    expect(cellsOf(markdown, '≥ 1.5 × bun').slice(2)).toEqual(['2.00 ×', 'met'])
    expect(cellsOf(markdown, '≥ 100 × socket.io').slice(2)).toEqual(['80.0 ×', '**missed**'])
    expect(cellsOf(markdown, '≥ 1 × ws').slice(2)).toEqual(['–', 'not measured'])
    expect(cellsOf(markdown, '≥ 1,000 /s').slice(2)).toEqual(['12,000,000 /s', 'met'])
  })

  test('says where, when, with what and how it was measured', () => {
    expect(markdown).toContain('2 × EPYC, Linux 6.18, Node v26.10.0')
    expect(markdown).toContain('tidewire 0.1.0, bun 1.4.5')
    expect(markdown).toContain('3 × 2 s after 1 s of warm-up')
    expect(markdown).toContain('2026-11-20 12:34 UTC, `npm run bench -- s2`, 61 s.')
    expect(markdown).toContain('Server on core 0, generator on core 1.')
    expect(markdown).toContain('![Broadcast, saturated](charts/s2.svg)')
  })

  test('leaves out what has not been measured', () => {
    expect(report([scenario], [], String)).not.toContain('Broadcast, saturated')
  })
})
