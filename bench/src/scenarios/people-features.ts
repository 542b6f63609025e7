import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { paths } from '../paths.ts'
import type { Peer } from '../peers.ts'
import type { FanOutLoad, FanOutResult } from '../people/fan-out.ts'
import type { JoinsLoad, JoinsResult } from '../people/joins.ts'
import type { NoticesLoad, NoticesResult } from '../people/notices.ts'
import { runProgram } from '../program.ts'
import { CpuMeter, type Rig, withServer } from '../run.ts'
import {
  type Metric,
  type Row,
  type RunOptions,
  type Scenario,
  type Target,
  valueOf,
  windowOf,
} from '../scenario.ts'
import type { ServerProcess } from '../server.ts'
import { ratio } from '../summary.ts'
import { short } from '../table.ts'
import { type Cell, interleave, type Outcome } from './interleave.ts'

const LOAD = new URL('../people/load.ts', import.meta.url).pathname
const USERS = 200
const PAYLOAD = 100
/** So that as many are present at a time as come in a second. */
const STAY_MS = 1000
/** With joins, and as many without. */
const JOIN_SECONDS = 5

const metrics = {
  perCpuSecond: {
    key: 'perCpuSecond',
    label: 'deliveries per server CPU-s',
    unit: '',
    better: 'more',
  },
  p99: { key: 'p99', label: 'p99', unit: 'ms', better: 'less' },
  p99Ratio: { key: 'p99Ratio', label: '× p99 without joins', unit: '', better: 'less' },
  joined: { key: 'joined', label: 'joins', unit: '/s', better: 'more' },
  reached: { key: 'reached', label: 'all connected reached after', unit: 'ms', better: 'less' },
  answered: { key: 'answered', label: 'all requests answered after', unit: 'ms', better: 'less' },
  serverCpu: { key: 'serverCpu', label: 'server CPU', unit: '%', better: 'less' },
} as const satisfies Record<string, Metric>

const without = (subscribers: number) =>
  `${subscribers.toLocaleString('en')} subscribers, no presence`
const present = (subscribers: number) =>
  `${subscribers.toLocaleString('en')} subscribers, all present`
const crowded = '200 subscribers, 1,000 joins/s beside them'
const together = (users: number) => `${users.toLocaleString('en')} users notified by one request`
const oneByOne = (users: number) => `${users.toLocaleString('en')} users notified one by one`
/** Who is notified; a tenth of them is connected. */
const INBOXES = 10_000

export const people: Scenario = {
  id: 'people',
  title: 'People',
  about:
    `What presence and notifications cost. A room in which everybody is present (${USERS} users over many ` +
    'clients) against one without presence; the p99 of a channel of 200 publications a second while users come ' +
    'into another one and go; a notification to 10,000 users, of whom 1,000 are connected.',
  metrics: Object.values(metrics),
  peers: ['tidewire'],
  extent: (options) =>
    `${windowOf(options)} (joins: ${joinSeconds(options)} s with them and as many without; ` +
    'notifications: one to each user)',
  chart: [without(2000), present(2000), without(10_000), present(10_000)],
  targets: [
    ...[2000, 10_000].map((count) =>
      comparison(`${present(count)}: as many deliveries per CPU second as without`, 0.95, [
        present(count),
        without(count),
        'perCpuSecond',
      ]),
    ),
    {
      text: `${crowded}: p99 ≤ 2 × that without joins`,
      value: (rows) => `${valueOf(rows, 'tidewire', crowded, 'p99Ratio')?.toPrecision(3) ?? '–'} ×`,
      holds: (rows) => {
        const value = valueOf(rows, 'tidewire', crowded, 'p99Ratio')
        return value === undefined ? undefined : value <= 2
      },
    },
    comparison(`${together(INBOXES)}: ≥ 10 × sooner than one by one`, 10, [
      oneByOne(INBOXES),
      together(INBOXES),
      'reached',
    ]),
  ],
  run: async (rig, [peer], options) => {
    if (peer === undefined) return []
    return await interleave(rig, cells(rig, peer, options), options, tell)
  },
}

function comparison(
  text: string,
  factor: number,
  [above, below, key]: readonly [string, string, string],
): Target {
  const read = (rows: readonly Row[]): number | undefined => {
    const [a, b] = [valueOf(rows, 'tidewire', above, key), valueOf(rows, 'tidewire', below, key)]
    return a === undefined || b === undefined || b === 0 ? undefined : a / b
  }
  return {
    text,
    value: (rows) => `${read(rows)?.toPrecision(3) ?? '–'} ×`,
    holds: (rows) => {
      const value = read(rows)
      return value === undefined ? undefined : value >= factor
    },
  }
}

function joinSeconds({ quick }: RunOptions): number {
  return quick ? 1 : JOIN_SECONDS
}

function cells(rig: Rig, given: Peer, options: RunOptions): Cell[] {
  const { warmup, seconds, quick } = options
  const rooms = quick ? [200] : [2000, 10_000]
  const users = quick ? 500 : INBOXES
  const fans = rooms.flatMap((subscribers) =>
    [false, true].map((isPresent): Cell => {
      const load = {
        subscribers,
        users: USERS,
        present: isPresent,
        payload: PAYLOAD,
        warmup,
        seconds,
      }
      const peer = withFeatures(given, isPresent ? ['presence'] : [])
      const setup = isPresent ? present(subscribers) : without(subscribers)
      return { peer, setup, run: () => fanOut(rig, peer, load) }
    }),
  )
  const crowd = withFeatures(given, ['presence'])
  const inbox = withFeatures(given, ['notifications'])
  const notified = (batch: number) => () =>
    notify(rig, inbox, { users, connected: users / 10, batch })
  return [
    ...fans,
    {
      peer: crowd,
      setup: crowded,
      run: () => join1000(rig, crowd, { warmup, seconds: joinSeconds(options) }),
    },
    { peer: inbox, setup: together(users), run: notified(users) },
    { peer: inbox, setup: oneByOne(users), run: notified(1) },
  ]
}

async function fanOut(rig: Rig, peer: Peer, load: Omit<FanOutLoad, 'port'>): Promise<Outcome> {
  return await loaded(
    rig,
    peer,
    'fan-out',
    () => load,
    ({ deliveries }, cpu) => ({
      perCpuSecond: ratio(deliveries, cpu),
    }),
  )
}

async function join1000(
  rig: Rig,
  peer: Peer,
  window: { warmup: number; seconds: number },
): Promise<Outcome> {
  const load: Omit<JoinsLoad, 'port'> = {
    subscribers: 200,
    rate: 200,
    joins: 1000,
    stayMs: STAY_MS,
    ...window,
  }
  return await loaded(
    rig,
    peer,
    'joins',
    () => load,
    ({ p99, p99Ratio, joined }) => ({ p99, p99Ratio, joined }),
  )
}

async function notify(
  rig: Rig,
  peer: Peer,
  load: Omit<NoticesLoad, 'port' | 'serverKey'>,
): Promise<Outcome> {
  // Under --dev the server keeps a key for programs of the same user.
  const keyOf = ({ directory }: ServerProcess): string =>
    readFileSync(join(directory, 'dev-server-key'), 'utf8').trim()
  return await loaded(
    rig,
    peer,
    'notices',
    (server) => ({ ...load, serverKey: keyOf(server) }),
    ({ reachedMs, answeredMs }) => ({ reached: reachedMs, answered: answeredMs }),
  )
}

/** What the program of whichever mode says. */
type Result = FanOutResult & JoinsResult & NoticesResult

/** Loads a fresh server once. */
async function loaded(
  rig: Rig,
  peer: Peer,
  mode: string,
  loadOf: (server: ServerProcess) => object,
  valuesOf: (result: Result, serverCpuSeconds: number) => Outcome['values'],
): Promise<Outcome> {
  return await withServer(rig, peer, async (server) => {
    const meter = new CpuMeter(server)
    let began = 0
    let took = 0
    const raw = await runProgram(
      [...rig.pinning.generator, process.execPath, LOAD],
      { mode, load: JSON.stringify({ ...loadOf(server), port: server.port }) },
      {
        begin: () => {
          began = performance.now()
          meter.begin()
        },
        end: () => {
          took = (performance.now() - began) / 1000
          meter.end()
        },
      },
    )
    const { failure, cpuSeconds, ...result } = raw as { failure?: string; cpuSeconds: number }
    if (failure !== undefined) return { values: {}, failure }
    const { serverCpuSeconds, otherCpuSeconds } = meter.used(cpuSeconds)
    return {
      values: {
        ...valuesOf(result as unknown as Result, serverCpuSeconds),
        serverCpu: ratio(serverCpuSeconds, took) * 100,
      },
      otherCpu: ratio(otherCpuSeconds, took),
    }
  })
}

/** A development server with these features and no others. */
function withFeatures(peer: Peer, features: readonly string[]): Peer {
  return {
    ...peer,
    prepare: (port, directory) =>
      writeFileSync(
        join(directory, 'tidewire.json'),
        JSON.stringify({
          host: '127.0.0.1',
          port,
          data: directory,
          ops: { port: null },
          dev: true,
          features,
          no_limits: true,
        }),
      ),
    command: (_port, directory) => [
      process.execPath,
      join(paths.cli, 'bin/tidewire.js'),
      'serve',
      '--config',
      join(directory, 'tidewire.json'),
    ],
  }
}

function tell({ perCpuSecond, p99, p99Ratio, reached }: Outcome['values']): string {
  if (perCpuSecond !== undefined) return `${short(perCpuSecond)} deliveries per CPU second`
  if (p99 !== undefined) return `p99 ${p99.toFixed(2)} ms (× ${p99Ratio?.toFixed(2)})`
  return `all reached after ${Math.round(reached ?? 0)} ms`
}
