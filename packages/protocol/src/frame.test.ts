import { describe, expect, it } from 'vitest'
import { outcome, refusal } from '../testing/outcome.ts'
import type { Json } from './envelope.ts'
import { ProtocolError } from './errors.ts'
import { isEventName, isMessageId, toEnvelope } from './frame.ts'
import { DEFAULT_FRAME_LIMITS } from './limits.ts'

const read = (value: Json) => toEnvelope(value, DEFAULT_FRAME_LIMITS)

describe('the envelope guard', () => {
  it('fills in the payload and the metadata that a sender left out', () => {
    expect(read({ type: 'ping' })).toEqual({ type: 'ping', payload: {}, metadata: {} })
  })

  it('keeps every field of the metadata and drops what the protocol does not know', () => {
    const metadata = {
      message_id: 'm-1',
      correlation_id: 'm-0',
      timestamp: '2026-11-20T12:00:00.000Z',
      client_id: 'c',
      user: 'ada',
      channel: 'chat:general',
      offset: 7,
    }
    const envelope = { type: 'message', payload: { content: 'hi' }, metadata }
    expect(read({ ...envelope, extra: 1, metadata: { ...metadata, extra: 1 } })).toEqual(envelope)
  })

  it('names the frame that it refuses, where its id can be read', () => {
    const named = (metadata: Json): unknown => {
      const refused = outcome(() => read({ type: 'Not A Name', metadata }))
      return refused instanceof ProtocolError && refused.messageId
    }
    expect(named({ message_id: 'm1' })).toBe('m1')
    expect(named({ message_id: 7 })).toBeUndefined()
    expect(named(null)).toBeUndefined()
  })

  it('takes nothing from a metadata field that is named like a prototype', () => {
    const forged = JSON.parse('{"type":"m","metadata":{"__proto__":{"user":"root"}}}') as Json
    expect(read(forged).metadata.user).toBeUndefined()
  })

  const object = 'The message is not an object with `type`, `payload` and `metadata`.'
  const type = '`type` is missing or is not a name such as `message` or `order.created`.'
  const id = '`metadata.message_id` is not a text of 1 to 128 characters.'
  const offset = '`metadata.offset` is not a whole number.'
  it.each<[value: Json, message: string]>([
    [null, object],
    [1, object],
    ['message', object],
    [[], object],
    [[{ type: 'm' }], object],
    [{}, type],
    [{ type: '' }, type],
    [{ type: 1 }, type],
    [{ type: null }, type],
    [{ type: ['m'] }, type],
    [{ type: 'Message' }, type],
    [{ type: 'm\n' }, type],
    [{ type: 'é' }, type],
    [{ type: 'a'.repeat(65) }, type],
    [{ type: 'm', payload: null }, '`payload` is not an object.'],
    [{ type: 'm', payload: [] }, '`payload` is not an object.'],
    [{ type: 'm', payload: 'hi' }, '`payload` is not an object.'],
    [{ type: 'm', metadata: null }, '`metadata` is not an object.'],
    [{ type: 'm', metadata: [] }, '`metadata` is not an object.'],
    [{ type: 'm', metadata: { message_id: '' } }, id],
    [{ type: 'm', metadata: { message_id: 1 } }, id],
    [{ type: 'm', metadata: { message_id: null } }, id],
    [{ type: 'm', metadata: { message_id: 'x'.repeat(129) } }, id],
    [{ type: 'm', metadata: { message_id: 'a\u0000' } }, id],
    [{ type: 'm', metadata: { message_id: '\uD800' } }, id],
    [{ type: 'm', metadata: { correlation_id: 1 } }, '`metadata.correlation_id` is not a text.'],
    [{ type: 'm', metadata: { timestamp: 1 } }, '`metadata.timestamp` is not a text.'],
    [{ type: 'm', metadata: { client_id: {} } }, '`metadata.client_id` is not a text.'],
    [{ type: 'm', metadata: { user: null } }, '`metadata.user` is not a text.'],
    [{ type: 'm', metadata: { channel: ['chat:a'] } }, '`metadata.channel` is not a text.'],
    [{ type: 'm', metadata: { offset: '7' } }, offset],
    [{ type: 'm', metadata: { offset: -1 } }, offset],
    [{ type: 'm', metadata: { offset: 1.5 } }, offset],
    [{ type: 'm', metadata: { offset: 2 ** 53 } }, offset],
  ])('refuses %j', (value, message) => {
    expect(refusal(() => read(value))).toBe(`bad_envelope: ${message}`)
  })
})

describe('names', () => {
  it.each(['m', 'message', 'order.created', 'a_b:c-d9', 'a'.repeat(64)])('%s is a type', (name) => {
    expect(isEventName(name)).toBe(true)
  })

  it.each(['a', '0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee', 'é😀', 'x'.repeat(128)])(
    '%s is a message id',
    (id) => {
      expect(isMessageId(id)).toBe(true)
    },
  )
})
