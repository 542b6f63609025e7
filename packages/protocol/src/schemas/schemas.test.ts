import { describe, expect, it } from 'vitest'
import { ERRORS, ProtocolError } from '../errors.ts'
import { down, up } from './index.ts'

const position = { epoch: 'e1', offset: 7 }

describe('the schemas of what a client sends', () => {
  it.each<[type: keyof typeof up, payload: unknown]>([
    ['auth', { token: 'a.b.c' }],
    ['ping', {}],
    ['subscribe', { channel: 'chat:general' }],
    ['subscribe', { channel: 'chat:general', since: position }],
    ['subscribe', { channel: 'live:cpu', last: 10, mode: 'latest', interval_ms: 250 }],
    ['unsubscribe', { channel: 'chat:general' }],
    ['history', { channel: 'chat:general', epoch: 'e1', after: 0, limit: 500 }],
    ['result', { value: null }],
    ['result', { error: 'no' }],
    [
      'subscribe',
      { channel: 'chat:a', since: { ...position, channel: 'chat:a', recovered: true } },
    ],
  ])('%s accepts %j', (type, payload) => {
    expect(up[type].safeParse(payload).success).toBe(true)
  })

  it.each<[type: keyof typeof up, payload: unknown, message: RegExp]>([
    ['auth', {}, /token/],
    ['subscribe', {}, /not a channel name/],
    ['subscribe', { channel: 'Chat:general' }, /not a channel name/],
    ['subscribe', { channel: 'chat:a', since: position, last: 1 }, /exclude each other/],
    ['subscribe', { channel: 'chat:a', since: { epoch: 'e1', offset: -1 } }, /offset/],
    ['subscribe', { channel: 'chat:a', mode: 'some' }, /mode/],
    ['history', { channel: 'chat:a', limit: 501 }, /limit/],
    ['result', {}, /Invalid/],
    ['result', { value: 1, error: 'no' }, /Invalid/],
  ])('%s refuses %j', (type, payload, message) => {
    const { error } = up[type].safeParse(payload)
    expect(JSON.stringify(error?.issues)).toMatch(message)
  })
})

it('a payload may have fields that nobody knows: they are left out', () => {
  const payload = { channel: 'chat:a', since: { ...position, recovered: true }, later: 1 }
  expect(up.subscribe.parse(payload)).toEqual({ channel: 'chat:a', since: position })
})

describe('the schemas of what a server sends', () => {
  it('describe every error', () => {
    for (const reason of Object.keys(ERRORS) as (keyof typeof ERRORS)[]) {
      const payload = new ProtocolError(reason, 'A sentence.', { retryAfterMs: 5 }).toPayload()
      expect(down.error.parse(payload)).toEqual(payload)
    }
  })

  it('let a later server add fields', () => {
    const payload = { channel: 'chat:a', duplicate: false, offset: 1, later: true }
    expect(down.ack.safeParse(payload).success).toBe(true)
  })
})
