import { type Json, type JsonObject } from '@tidewire/protocol'
import { msgpackCodec } from '@tidewire/protocol/msgpack'

/** What is published, by parts that need not be valid. */
export interface Parts {
  type: string
  channel: string
  messageId: string | undefined
  json: Buffer
  msgpack: Buffer | undefined
}

/** By hand, because no encoder writes what these have to say. */
export function asJson({ type, channel, messageId, json }: Parts): Buffer {
  const metadata = JSON.stringify({ channel, message_id: messageId })
  return Buffer.concat([
    Buffer.from(`{"type":${JSON.stringify(type)},"payload":`),
    json,
    Buffer.from(`,"metadata":${metadata}}`),
  ])
}

/** The body of a publish over HTTP. */
export function asBody({ type, messageId, json }: Parts): Buffer {
  const id = messageId === undefined ? '' : `"message_id":${JSON.stringify(messageId)},`
  return Buffer.concat([
    Buffer.from(`{"type":${JSON.stringify(type)},${id}"payload":`),
    json,
    Buffer.from('}'),
  ])
}

/** https://github.com/msgpack/msgpack/blob/master/spec.md */
export function asMsgpack({ type, channel, messageId, msgpack }: Parts): Buffer {
  const metadata = Object.entries({ channel, message_id: messageId }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return Buffer.concat([
    Buffer.of(0x83),
    ...['type', type, 'payload'].map(packedText),
    msgpack!,
    packedText('metadata'),
    Buffer.of(0x80 | metadata.length),
    ...metadata.flat().map(packedText),
  ])
}

/** `tidewire.proto`: type 1, payload 2, metadata 3; in it message_id 1, channel 6. */
export function asProtobuf({ type, channel, messageId, json }: Parts): Buffer {
  const id = messageId === undefined ? [] : [field(1, Buffer.from(messageId))]
  const metadata = Buffer.concat([...id, field(6, Buffer.from(channel))])
  return Buffer.concat([field(1, Buffer.from(type)), field(2, json), field(3, metadata)])
}

/** A value in MessagePack, with U+FFFD for what its texts cannot say. */
export function packed(value: Json): Buffer {
  const payload: JsonObject = { value }
  const bytes = Buffer.from(msgpackCodec().encode({ type: 'x', payload, metadata: {} }))
  const [before, after] = [
    Buffer.from('\x81\xa5value', 'latin1'),
    Buffer.from('\xa8metadata\x80', 'latin1'),
  ]
  const start = bytes.indexOf(before) + before.length
  return bytes.subarray(start, bytes.length - after.length)
}

function packedText(text: string): Buffer {
  const bytes = Buffer.from(text)
  const head = Buffer.of(0xdb, 0, 0, 0, 0)
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of((number << 3) | 2), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}
