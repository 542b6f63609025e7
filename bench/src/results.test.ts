import { expect, test } from 'vitest'

import { commandLine, isFailed } from './results.ts'
import { row } from './testing/rows.ts'

const broken = { failures: ['gap'] }

test('a run fails with a row of Tidewire, in any of its configurations', () => {
  expect(isFailed({ rows: [row('tidewire', {}, broken), row('bun', { rate: 1 })] })).toBe(true)
  expect(isFailed({ rows: [row('tidewire-plain', {}, broken)] })).toBe(true)
})

test('what another server loses fails its row alone', () => {
  expect(isFailed({ rows: [row('tidewire', { rate: 1 }), row('nchan', {}, broken)] })).toBe(false)
})

test('a run without a row has failed', () => {
  expect(isFailed({ rows: [] })).toBe(true)
})

test('the command line tells which programs of peers were asked for', () => {
  expect(commandLine(['s2', '--repeat', '3'], {})).toBe('npm run bench -- s2 --repeat 3')
  const environment = { BENCH_PEER_NATS: '/opt/nats-server', PATH: '/bin' }
  expect(commandLine(['--all'], environment)).toBe(
    'BENCH_PEER_NATS=/opt/nats-server npm run bench -- --all',
  )
})
