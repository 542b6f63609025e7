import * as fc from 'fast-check'
import type { Envelope, Json, JsonObject, Metadata } from '../src/envelope.ts'

/** Keys that break programs which use objects as maps. */
const HOSTILE_KEYS = ['__proto__', 'constructor', 'then', 'toString', 'toJSON', 'type', '0', '']

const key = fc.oneof(fc.constantFrom(...HOSTILE_KEYS), fc.string({ unit: 'binary', maxLength: 40 }))

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  // Lengths where MessagePack changes the header of a text, and the mark that decoders like to drop.
  fc.constantFrom('a'.repeat(31), 'é'.repeat(16), 'z'.repeat(256), `\uFEFF${'b'.repeat(300)}`),
)

const number = fc
  .oneof(
    fc.maxSafeInteger(),
    fc.integer({ min: -70_000, max: 70_000 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  )
  // JSON text has no -0 on its way out.
  .map((value) => (value === 0 ? 0 : value))

const { json, object } = fc.letrec<{ json: Json; object: JsonObject }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    number,
    text,
    fc.array(tie('json'), { maxLength: 20 }),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(key, tie('json')), { maxLength: 20 })
    .map((entries) => Object.fromEntries(entries)),
}))

/** Any JSON value whose texts are well-formed Unicode, `__proto__` and its like among the keys. */
export const anyJson: fc.Arbitrary<Json> = json

/** Any payload. */
export const anyPayload: fc.Arbitrary<JsonObject> = object

/** Any valid channel name. */
export const anyChannel: fc.Arbitrary<string> = fc
  .tuple(
    fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/),
    fc.stringMatching(/^[A-Za-z0-9_.,=@/:-]{1,200}$/),
  )
  .map(([namespace, rest]) => `${namespace}:${rest}`)

const anyMetadata: fc.Arbitrary<Metadata> = fc.record(
  {
    message_id: fc.uuid({ version: 7 }),
    correlation_id: fc.uuid({ version: 7 }),
    timestamp: fc.constant('2026-11-20T12:00:00.000Z'),
    client_id: fc.string({ unit: 'binary' }),
    user: fc.string({ unit: 'binary' }),
    channel: anyChannel,
    offset: fc.maxSafeNat(),
  },
  { requiredKeys: [], noNullPrototype: true },
)

/** Any valid envelope. */
export const anyEnvelope: fc.Arbitrary<Envelope> = fc.record(
  {
    type: fc.constantFrom('message', 'order.created', 'subscribe', 'a'),
    payload: anyPayload,
    metadata: anyMetadata,
  },
  { noNullPrototype: true },
)
