import { describe, expect, test } from 'vitest'

import { chart } from './chart.ts'
import { contest, row } from './testing/rows.ts'

/** The names of the tags in the order in which they close; throws where they do not nest. */
function closedTags(xml: string): string[] {
  const open: string[] = []
  const closed: string[] = []
  for (const [, slash, name = '', attributes = '', end] of xml.matchAll(
    /<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<&]*(?:&\w+;[^"<&]*)*")*)\s*(\/?)>/g,
  )) {
    if (slash === '/') {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing (${attributes})`)
      closed.push(name)
    } else if (end === '/') closed.push(name)
    else open.push(name)
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(', ')}`)
  return closed
}

const widthOf = (svg: string, label: string) => {
  const before = svg.slice(0, svg.indexOf(`>${label}</text>`))
  return Number(/.*width="([\d.]+)" height="14"/s.exec(before)?.[1])
}

const near = [
  row('tidewire', { rate: 300_000 }),
  row('bun', { rate: 150_000 }),
  row('socket.io', { rate: 100_000 }, { guarantee: 'at most <once> & "no more"' }),
]
const far = [row('tidewire', { rate: 12_000_000 }), row('socket.io', { rate: 120_000 })]

describe('a chart', () => {
  const svg = chart(contest, near)

  test('is XML in which every tag and every letter is accounted for', () => {
    expect(closedTags(svg).at(-1)).toBe('svg')
    const rest = svg.replace(/<style>.*<\/style>/s, '').replaceAll(/<[^<>]*>/g, '')
    expect(rest).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;)/)
    expect(rest).toContain('at most &lt;once&gt; &amp; &quot;no more&quot;')
  })

  test('writes values, units and guarantees', () => {
    expect(svg).toContain('>300 k/s</text>')
    expect(svg).toContain('>every offset once</text>')
    expect(svg).toContain('deliveries/s, more is better')
    expect(svg).not.toContain('logarithmic')
  })

  test('draws the best on top, in proportion', () => {
    expect(svg.indexOf('>tidewire<')).toBeLessThan(svg.indexOf('>bun<'))
    expect(widthOf(svg, '150 k/s')).toBe(widthOf(svg, '300 k/s') / 2)
  })

  test('gives our colour to Tidewire only', () => {
    expect(svg.match(/class="bar ours"/g)).toHaveLength(1)
    expect(svg.match(/class="bar"/g)).toHaveLength(2)
  })

  test('tells those who do not see it the same', () => {
    expect(svg).toContain('256 in flight: tidewire 300 k/s, bun 150 k/s, socket.io 100 k/s.')
  })
})

test('values far apart are drawn on a logarithmic scale, which is said', () => {
  const svg = chart(contest, far)
  expect(svg).toContain('>256 in flight<tspan class="quiet"> · logarithmic scale</tspan>')
  expect(widthOf(svg, '120 k/s')).toBeGreaterThan(0)
  expect(widthOf(svg, '120 k/s')).toBeLessThan(widthOf(svg, '12.0 M/s') / 10)
  for (const tick of ['100 k', '1 M', '10 M']) expect(svg).toContain(`>${tick}</text>`)
})

test('where less is better the lowest is on top', () => {
  const [, p99] = contest.metrics
  if (!p99) throw new Error('The scenario has two metrics.')
  const svg = chart({ ...contest, metrics: [p99] }, [
    row('socket.io', { p99: 600 }),
    row('tidewire', { p99: 3 }),
  ])
  expect(svg.indexOf('>tidewire<')).toBeLessThan(svg.indexOf('>socket.io<'))
  expect(svg).toContain('>3.00 ms</text>')
})

test('a row that failed has a name and no bar', () => {
  const svg = chart(contest, [...near, row('ws', { rate: 1e9 }, { failures: ['gap'] })])
  expect(svg).toContain('>failed</text>')
  expect(svg).not.toContain('1000 M')
  expect(widthOf(svg, 'failed')).toBe(0)
})

test('a row that lacks what the bars are of says what is known of it', () => {
  const rows = [...near, row('ws', { lost: 30_042 }), row('nats', {})]
  const lost = { key: 'lost', label: 'lost', unit: '', better: 'less' } as const
  const svg = chart({ ...contest, metrics: [...contest.metrics, lost], instead: 'lost' }, rows)
  expect(svg).toContain('>lost 30.0 k</text>')
  expect(svg).toContain('ws lost 30.0 k, nats not measured.')
})

test('a setup may be drawn by another column than the first', () => {
  const even = [row('tidewire', { rate: 5, p99: 9 }), row('bun', { rate: 5, p99: 3 })]
  const svg = chart({ ...contest, lead: { '256 in flight': 'p99' } }, even)
  expect(svg).toContain('p99 (ms), less is better')
  expect(svg.indexOf('>bun<')).toBeLessThan(svg.indexOf('>tidewire<'))
})

test('only the chosen setups are shown', () => {
  const rows = [...near, row('tidewire', { rate: 5 }, { setup: '1 in flight' })]
  expect(chart({ ...contest, chart: ['1 in flight'] }, rows)).not.toContain('256 in flight')
})

test('the spread of the repetitions is drawn where there is one', () => {
  const steady = chart(contest, near)
  expect(steady).not.toContain('class="spread"')
  expect(steady).not.toContain('thin lines')
  const values = { rate: { median: 200_000, lowest: 150_000, highest: 260_000 } }
  const repeated = chart(contest, [...near, row('ws', {}, { values })])
  expect(repeated).toContain('class="spread"')
  expect(repeated).toContain('thin lines: lowest to highest')
})

test('where setups are measured by different things, each says by which', () => {
  const rows = [...near, row('tidewire', { p99: 5 }, { setup: 'drop all' })]
  const svg = chart(contest, rows)
  expect(svg).toContain('>drop all<tspan class="quiet"> · p99 (ms), less is better</tspan>')
  expect(svg).toContain(
    '>256 in flight<tspan class="quiet"> · deliveries/s, more is better</tspan>',
  )
})
