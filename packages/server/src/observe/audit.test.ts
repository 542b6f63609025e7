import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ERRORS } from '@tidewire/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Refusal } from '../core/ports/observer.ts'
import { Audit, auditToLog } from './audit.ts'
import { openAudit } from './audit-file.ts'
import { createLogger } from './logs.ts'

const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.canarycanarycanary'
const KEY = 'tw_billing_canarycanarycanary'
const refusal: Refusal = { reason: 'forbidden', action: 'publish', channel: 'chat:a', user: 'ada' }

let directory: string
let file: string
let clock: { now: number }
let errors: unknown[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidewire-audit-'))
  file = join(directory, 'audit.log')
  clock = { now: Date.UTC(2026, 10, 20) }
  errors = []
})

afterEach(() => rmSync(directory, { recursive: true }))

function opened(): Audit {
  const sink = openAudit(file, (error) => errors.push(error))
  return new Audit({ sink, now: () => clock.now })
}

/** Every line of the file, each of which is JSON. */
function lines(path = file): Record<string, unknown>[] {
  const text = readFileSync(path, 'utf8')
  expect(text.endsWith('\n')).toBe(true)
  const parts = text.slice(0, -1).split('\n')
  return parts.map((line) => JSON.parse(line) as Record<string, unknown>)
}

async function written(...refusals: Refusal[]): Promise<Record<string, unknown>[]> {
  const audit = opened()
  for (const one of refusals) audit.refused(one)
  await audit.close()
  return lines()
}

test('a refusal is a line that says who was refused what, where and why', async () => {
  const all: Refusal = {
    reason: 'forbidden',
    action: 'subscribe',
    channel: 'orders:42',
    user: 'ada',
    key_id: 'billing',
    client_id: 'client-1',
    address: '192.0.2.7',
    transport: 'websocket',
  }
  expect(await written(all)).toEqual([
    { time: '2026-11-20T00:00:00.000Z', audit: 'refused', code: ERRORS.forbidden.code, ...all },
  ])
})

test('what is not known is not in the line', async () => {
  const [line] = await written({ reason: 'rate_limited', action: 'connect', user: undefined })
  expect(Object.keys(line ?? {})).toEqual(['time', 'audit', 'code', 'reason', 'action'])
})

test.each<keyof Refusal>(['action', 'channel', 'user', 'key_id', 'client_id', 'address'])(
  'what a client put into `%s` is at most 256 characters of one line',
  async (field) => {
    const hostile = `a\n{"audit":"refused"}\r\u0000\u001b[31m\u009b\u2028\u202e${'x'.repeat(9999)}`
    const [line] = await written({ ...refusal, [field]: hostile })
    expect(String(line?.[field])).toHaveLength(256)
    expect(line?.[field]).toContain('a\n{"audit":"refused"}\r')
    expect(readFileSync(file, 'utf8').trimEnd()).not.toMatch(/[\p{Cc}\p{Zl}\u202e]/u)
  },
)

test.each<keyof Refusal>(['action', 'channel', 'user', 'key_id', 'client_id', 'address'])(
  'a token never reaches a line through `%s`',
  async (field) => {
    for (const secret of [TOKEN, KEY, `Bearer ${TOKEN}`, '/v1/sse?token=canary']) {
      await written({ ...refusal, [field]: `x ${secret}` })
    }
    expect(lines()).toHaveLength(4)
    expect(readFileSync(file, 'utf8')).not.toContain('canary')
  },
)

test('a flood gets ten lines a second, and the next line tells how many had none', async () => {
  const audit = opened()
  for (let second = 0; second < 3; second++) {
    for (let i = 0; i < 5000; i++) audit.refused(refusal)
    clock.now += 1000
  }
  await audit.close()
  const told = lines()
  expect(told).toHaveLength(31)
  expect(told.filter(({ suppressed }) => suppressed !== undefined)).toMatchObject([
    { audit: 'refused', suppressed: 4990 },
    { audit: 'refused', suppressed: 4990 },
    { audit: 'suppressed', suppressed: 4990 },
  ])
})

test('a clock that is set back does not silence it', async () => {
  const audit = opened()
  for (let i = 0; i < 11; i++) audit.refused(refusal)
  clock.now -= 3_600_000
  audit.refused(refusal)
  await audit.close()
  expect(lines().at(-1)).toMatchObject({ suppressed: 1 })
})

test('what the file holds is kept when the server starts again', async () => {
  await written(refusal)
  await written({ ...refusal, user: 'bob' })
  expect(lines()).toMatchObject([{ user: 'ada' }, { user: 'bob' }])
})

test('a line that a killed server left half written does not spoil the next one', async () => {
  appendFileSync(file, '{"time":"2026')
  const audit = opened()
  audit.refused(refusal)
  await audit.close()
  const [torn, whole] = readFileSync(file, 'utf8').split('\n')
  expect([torn, JSON.parse(whole ?? '')]).toMatchObject(['{"time":"2026', { user: 'ada' }])
})

test('only the user of the server may read it', async () => {
  await written(refusal)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a file that is renamed by a rotation is followed by a new one', async () => {
  const audit = opened()
  audit.refused(refusal)
  await audit.close()
  renameSync(file, `${file}.1`)
  audit.refused({ ...refusal, user: 'bob' })
  await audit.close()
  expect([lines(`${file}.1`), lines()]).toMatchObject([[{ user: 'ada' }], [{ user: 'bob' }]])
})

test('what could not be written is counted, and told once it can be', async () => {
  const audit = opened()
  rmSync(directory, { recursive: true })
  for (let i = 0; i < 12; i++) audit.refused(refusal)
  await audit.close()
  expect(errors).not.toEqual([])
  mkdirSync(directory)
  clock.now += 1000
  audit.refused(refusal)
  await audit.close()
  expect(lines()).toMatchObject([{ audit: 'refused', suppressed: 12 }])
})

test.each([
  ['whose directory does not exist', () => join(directory, 'missing', 'audit.log'), /not exist/],
  ['that is a directory', () => directory, /it is a directory/],
  ['in a file', () => join(file, 'audit.log'), /directory is a file/],
])('a file %s is an error at the start', (_, path, why) => {
  appendFileSync(file, '')
  const opening = (): unknown => openAudit(path(), () => undefined)
  expect(opening).toThrow(why)
  expect(opening).toThrow(/`audit\.file`/)
})

test('without a file the lines are in the log', () => {
  const logged: string[] = []
  const logger = createLogger({ level: 'info', stream: { write: (line) => logged.push(line) } })
  const audit = new Audit({ sink: auditToLog(logger), now: () => clock.now })
  for (let i = 0; i < 100; i++) audit.refused({ ...refusal, address: `${TOKEN}\n` })
  expect(logged).toHaveLength(10)
  const entry = JSON.parse(logged[0] ?? '') as Record<string, unknown>
  expect(entry).toMatchObject({ level: 30, audit: 'refused', code: 4011, reason: 'forbidden' })
  expect(entry['time']).toBeTypeOf('number')
  expect(logged.join('')).not.toContain('canary')
})
