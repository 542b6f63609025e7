import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { JsonObject, Metadata } from '../envelope.ts'
import { ProtocolError } from '../errors.ts'
import { toEnvelope } from '../frame.ts'
import {
  type Envelope as EnvelopeMessage,
  EnvelopeSchema,
  type Metadata as MetadataMessage,
  MetadataSchema,
} from '../generated/tidewire_pb.ts'
import { boundBytes, DEFAULT_FRAME_LIMITS, type FrameLimits } from '../limits.ts'
import { requireBinary } from './binary.ts'
import type { Codec } from './codec.ts'
import { parseJson } from './json.ts'

export const PROTOBUF_SUBPROTOCOL = 'tidewire.v1.proto'

/** Protocol Buffers in binary messages: `tidewire.proto`. The payload travels as JSON text in a bytes field. */
export function protobufCodec(limits: FrameLimits = DEFAULT_FRAME_LIMITS): Codec<Uint8Array> {
  const encoder = new TextEncoder()
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  return {
    subprotocol: PROTOBUF_SUBPROTOCOL,
    binary: true,
    encode(envelope) {
      const message = create(EnvelopeSchema, {
        type: envelope.type,
        payload: encoder.encode(JSON.stringify(envelope.payload)),
        metadata: toMessage(envelope.metadata),
      })
      return toBinary(EnvelopeSchema, message)
    },
    decode(data) {
      requireBinary(data)
      boundBytes(data, limits)
      const { type, payload, metadata } = parseMessage(data)
      return toEnvelope(
        {
          type,
          payload: payload.length === 0 ? {} : parseJson(parseText(decoder, payload)),
          metadata: metadata === undefined ? {} : toMetadata(metadata),
        },
        limits,
      )
    },
  }
}

function parseMessage(data: Uint8Array): EnvelopeMessage {
  try {
    return fromBinary(EnvelopeSchema, data, { readUnknownFields: false })
  } catch (cause) {
    throw new ProtocolError(
      'bad_envelope',
      'The message is not a valid Envelope of tidewire.proto.',
      { cause },
    )
  }
}

function parseText(decoder: TextDecoder, payload: Uint8Array): string {
  try {
    return decoder.decode(payload)
  } catch (cause) {
    throw new ProtocolError('bad_envelope', '`payload` is not UTF-8 text.', { cause })
  }
}

function toMessage(metadata: Metadata): MetadataMessage {
  return create(MetadataSchema, {
    messageId: metadata.message_id,
    correlationId: metadata.correlation_id,
    timestamp: metadata.timestamp,
    clientId: metadata.client_id,
    user: metadata.user,
    channel: metadata.channel,
    offset: metadata.offset === undefined ? undefined : BigInt(metadata.offset),
  })
}

// An offset beyond 2^53 loses digits here, and toEnvelope refuses what is left: it is no safe integer either.
function toMetadata(message: MetadataMessage): JsonObject {
  const metadata: JsonObject = {}
  if (message.messageId !== undefined) metadata.message_id = message.messageId
  if (message.correlationId !== undefined) metadata.correlation_id = message.correlationId
  if (message.timestamp !== undefined) metadata.timestamp = message.timestamp
  if (message.clientId !== undefined) metadata.client_id = message.clientId
  if (message.user !== undefined) metadata.user = message.user
  if (message.channel !== undefined) metadata.channel = message.channel
  if (message.offset !== undefined) metadata.offset = Number(message.offset)
  return metadata
}
