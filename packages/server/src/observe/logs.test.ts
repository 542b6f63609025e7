import { expect, test } from 'vitest'
import { cleanText, createLogger, type LogFields } from './logs.ts'

const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.canarycanarycanary'
const REFRESH_TOKEN = `twr_${'0'.repeat(32)}_canary${'x'.repeat(37)}`
const KEY = 'tw_billing_canarycanarycanary'

function written(level = 'info') {
  const lines: string[] = []
  const logger = createLogger({ level, stream: { write: (line) => lines.push(line) } })
  return { lines, logger }
}

function logged(fields: LogFields, message = 'message') {
  const { lines, logger } = written()
  logger.info(fields, message)
  expect(lines).toHaveLength(1)
  return { line: lines[0] ?? '', entry: JSON.parse(lines[0] ?? '') as Record<string, unknown> }
}

test('a line is JSON with level, time and message', () => {
  const { entry } = logged({ port: 8080 }, 'listening')
  expect(entry).toMatchObject({ level: 30, msg: 'listening', port: 8080 })
  expect(entry['time']).toBeTypeOf('number')
})

test('lines below the level are not written', () => {
  const { lines, logger } = written('warn')
  logger.debug({}, 'no')
  logger.info({}, 'no')
  logger.warn({}, 'yes')
  logger.error({}, 'yes')
  expect(lines).toHaveLength(2)
})

test.each<[string, LogFields]>([
  ['a field called token', { token: 'canary' }],
  ['a nested secret', { auth: { jwt_secret: 'canary', server_keys: ['canary'] } }],
  ['a header', { headers: { authorization: 'Bearer canary', cookie: 'a=canary' } }],
  ['a token under a harmless name', { value: TOKEN }],
  ['a server key in a list', { values: [[KEY]] }],
  ['a refresh token', { value: `used twice: ${REFRESH_TOKEN}` }],
  ['the query of a URL', { url: 'wss://example.org/v1/ws?token=canary' }],
  ['the query of a path', { url: '/v1/sse?channel=a&token=canary' }],
  ['a subprotocol', { protocol: 'tidewire.v1.json, bearer.canary' }],
  ['an error', { error: new Error(`no: ${TOKEN}`) }],
  ['the cause of an error', { error: new Error('no', { cause: new Error(`GET /a?${KEY}`) }) }],
  ['the name of a field', { [KEY]: 1 }],
])('never holds a token: %s', (_, fields) => {
  expect(logged(fields).line).not.toContain('canary')
})

test('a message never holds a token', () => {
  expect(logged({}, `refused Bearer ${TOKEN} at /v1/ws?token=canary`).line).not.toContain('canary')
})

test('what a client sends cannot start a line of its own and is cut at 256 characters', () => {
  const { line, entry } = logged({ reason: `x\n{"level":60}\r\u001b[31m`, long: 'a'.repeat(9999) })
  expect(line.trimEnd()).not.toMatch(/\p{Cc}/u)
  expect((entry['long'] as string).length).toBe(257)
})

test('an error keeps its type, code and stack', () => {
  const error = Object.assign(new TypeError('broken'), { code: 'E_BROKEN' })
  const { entry } = logged({ error })
  expect(entry['error']).toMatchObject({ type: 'TypeError', message: 'broken', code: 'E_BROKEN' })
  expect((entry['error'] as { stack: string }).stack).toContain('logs.test.ts')
})

test('a structure without end is cut', () => {
  const fields: LogFields = { big: 10n }
  fields['self'] = fields
  expect(logged(fields).entry['big']).toBe('10')
})

test('cleaning takes no long time, whatever the text', () => {
  const text = `${'a://'.repeat(50_000)}${'eyJ'.repeat(50_000)}`
  expect(cleanText(text, 4096).length).toBeLessThanOrEqual(4097)
})
