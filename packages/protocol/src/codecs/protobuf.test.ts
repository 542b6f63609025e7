import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { refusal } from '../../testing/outcome.ts'
import { EnvelopeSchema, MetadataSchema } from '../generated/tidewire_pb.ts'
import { protobufCodec } from './protobuf.ts'

const codec = protobufCodec()
const frame = (payload: Uint8Array, offset?: bigint): Uint8Array =>
  toBinary(
    EnvelopeSchema,
    create(EnvelopeSchema, { type: 'm', payload, metadata: create(MetadataSchema, { offset }) }),
  )
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('the Protocol Buffers codec', () => {
  it('reads an envelope of which only the type was sent', () => {
    const bytes = Uint8Array.from([0x0a, 1, 0x6d])
    expect(codec.decode(bytes)).toEqual({ type: 'm', payload: {}, metadata: {} })
  })

  it('skips fields of a later version', () => {
    const later = Uint8Array.from([...frame(utf8('{"a":1}')), 0xfa, 0x01, 2, 1, 2])
    expect(codec.decode(later).payload).toEqual({ a: 1 })
  })

  it.each<[what: string, bytes: Uint8Array, message: RegExp]>([
    ['a payload that is not JSON', frame(utf8('{')), /not valid JSON/],
    ['a payload that is not an object', frame(utf8('[1]')), /`payload` is not an object/],
    ['a payload that is not UTF-8', frame(Uint8Array.of(0xff)), /not UTF-8/],
    ['a payload that begins with U+FEFF', frame(utf8('\uFEFF{}')), /not valid JSON/],
    ['an offset of 2^53', frame(utf8('{}'), 2n ** 53n), /offset` is not a whole number/],
    ['an offset of 2^64 - 1', frame(utf8('{}'), 2n ** 64n - 1n), /offset` is not a whole number/],
    ['no type', new Uint8Array(), /`type` is missing/],
    ['a type that is not UTF-8', Uint8Array.of(0x0a, 1, 0xff), /not a valid Envelope/],
    ['a length beyond the end', Uint8Array.of(0x0a, 0xff, 0xff, 0x03), /not a valid Envelope/],
    ['20,000 open groups', new Uint8Array(20_000).fill(0x7b), /not a valid Envelope/],
  ])('refuses %s', (_, bytes, message) => {
    expect(refusal(() => codec.decode(bytes))).toMatch(message)
  })
})
