import type { Envelope, Json, JsonObject, Metadata } from './envelope.ts'
import { ProtocolError } from './errors.ts'
import { boundJson, type FrameLimits } from './limits.ts'

const EVENT_NAME = /^[a-z][a-z0-9_.:-]{0,63}$/
const MAX_MESSAGE_ID = 128

/** Whether `type` can name a reserved type or an application event (PROTOCOL.md §1). */
export function isEventName(type: unknown): type is string {
  return typeof type === 'string' && EVENT_NAME.test(type)
}

/**
 * Whether `id` can be a `message_id`: 1 to 128 characters, none of them a control character or half of a surrogate
 * pair. The halves all become U+FFFD in UTF-8, so two ids that differ in them would be one id in a store.
 */
export function isMessageId(id: unknown): id is string {
  return (
    typeof id === 'string' &&
    id.length >= 1 &&
    id.length <= MAX_MESSAGE_ID &&
    !/[\p{Cc}\p{Surrogate}]/u.test(id)
  )
}

/**
 * Reads what a peer sent as an envelope: the one hand-written guard on the hot path. It checks the shape, the
 * types of the metadata fields and the limits; what a reserved type needs in its payload is for its schema.
 * Unknown metadata fields are dropped. Throws `bad_envelope`.
 */
export function toEnvelope(value: Json, limits: FrameLimits): Envelope {
  try {
    return read(value, limits)
  } catch (error) {
    // Whoever sent it learns which of its frames it was.
    if (error instanceof ProtocolError) error.messageId = messageIdOf(value)
    throw error
  }
}

function messageIdOf(value: Json): string | undefined {
  const metadata = isObject(value) ? value['metadata'] : undefined
  const id = isObject(metadata) ? metadata['message_id'] : undefined
  return isMessageId(id) ? id : undefined
}

function read(value: Json, limits: FrameLimits): Envelope {
  if (!isObject(value))
    throw bad('The message is not an object with `type`, `payload` and `metadata`.')
  const { type, payload = {}, metadata = {} } = value
  if (!isEventName(type)) {
    throw bad('`type` is missing or is not a name such as `message` or `order.created`.')
  }
  if (!isObject(payload)) throw bad('`payload` is not an object.')
  if (!isObject(metadata)) throw bad('`metadata` is not an object.')
  boundJson(value, limits)
  return { type, payload, metadata: toMetadata(metadata) }
}

function toMetadata(value: JsonObject): Metadata {
  const metadata: Metadata = {}
  const { message_id, correlation_id, timestamp, client_id, user, channel, offset } = value
  if (message_id !== undefined) {
    if (!isMessageId(message_id))
      throw bad('`metadata.message_id` is not a text of 1 to 128 characters.')
    metadata.message_id = message_id
  }
  if (correlation_id !== undefined) metadata.correlation_id = text(correlation_id, 'correlation_id')
  if (timestamp !== undefined) metadata.timestamp = text(timestamp, 'timestamp')
  if (client_id !== undefined) metadata.client_id = text(client_id, 'client_id')
  if (user !== undefined) metadata.user = text(user, 'user')
  if (channel !== undefined) metadata.channel = text(channel, 'channel')
  if (offset !== undefined) {
    if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) {
      throw bad('`metadata.offset` is not a whole number.')
    }
    metadata.offset = offset
  }
  return metadata
}

function text(value: Json, field: string): string {
  if (typeof value !== 'string') throw bad(`\`metadata.${field}\` is not a text.`)
  return value
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function bad(message: string): ProtocolError {
  return new ProtocolError('bad_envelope', message)
}
