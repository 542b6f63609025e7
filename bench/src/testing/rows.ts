import type { PeerName } from '../peers.ts'
import type { Results } from '../results.ts'
import type { Row, Scenario } from '../scenario.ts'

/** A scenario whose rows tests write themselves. */
export const contest: Scenario = {
  id: 's2',
  title: 'Broadcast, saturated',
  about: 'Many publications open. What counts is <throughput>.',
  metrics: [
    { key: 'rate', label: 'deliveries', unit: '/s', better: 'more' },
    { key: 'p99', label: 'p99', unit: 'ms', better: 'less' },
  ],
  peers: ['tidewire', 'bun', 'socket.io'],
  run: () => Promise.resolve([]),
}

/** A row with the same value in all repetitions. */
export function row(peer: PeerName, values: Record<string, number>, rest: Partial<Row> = {}): Row {
  const spreads = Object.entries(values).map(([key, value]) => [
    key,
    { median: value, lowest: value, highest: value },
  ])
  return {
    peer,
    setup: '256 in flight',
    guarantee: peer === 'tidewire' ? 'every offset once' : 'at most once',
    values: Object.fromEntries(spreads) as Row['values'],
    failures: [],
    warnings: [],
    ...rest,
  }
}

export function resultsOf(rows: Row[], rest: Partial<Results> = {}): Results {
  return {
    id: 's2',
    date: '2026-11-20T12:34:56.000Z',
    command: 'npm run bench -- s2',
    machine: { cpu: 'EPYC', cores: 2, kernel: '6.18', node: 'v26.10.0', load: 0 },
    notes: ['server on core 0, generator on core 1'],
    options: { warmup: 1, seconds: 2, repeat: 3, quick: false },
    versions: { tidewire: '0.1.0', bun: '1.4.5' },
    missing: {},
    tookSeconds: 61.4,
    rows,
    ...rest,
  }
}
