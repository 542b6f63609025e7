import type { ProtocolVector } from './protocol-connection.ts'
import { closed, refused, up } from '../vocabulary.ts'
import { frame, OPCODE } from '../wire.ts'

const long = (length: number): string => 'x'.repeat(length)
const message = (metadata: string): string =>
  `{"type":"message","payload":{},"metadata":{"channel":"$live",${metadata}}}`
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
const keys = (count: number): string =>
  JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 0])))

/** Each field of an envelope, wrong in each way that there is. */
const BAD: [what: string, sent: string | Buffer][] = [
  ['text that ends too early', '{"type":"ping"'],
  ['text with something behind the JSON', '{"type":"ping"} x'],
  ['two envelopes in one message', '{"type":"ping"}{"type":"ping"}'],
  ['a list', '[{"type":"ping"}]'],
  ['null', 'null'],
  ['a text', '"ping"'],
  ['a number', '1'],
  ['binary where text is expected', frame(OPCODE.binary, '{"type":"ping"}')],
  ['no type', '{"payload":{}}'],
  ['a type that is null', '{"type":null}'],
  ['a type that is a number', '{"type":1}'],
  ['an empty type', '{"type":""}'],
  ['a type in upper case', '{"type":"Ping"}'],
  ['a type that begins with a digit', '{"type":"1ping"}'],
  ['a type with a space', '{"type":"a b"}'],
  ['a type of 65 characters', `{"type":"${long(65)}"}`],
  ['a payload that is null', '{"type":"ping","payload":null}'],
  ['a payload that is a list', '{"type":"ping","payload":[]}'],
  ['a payload that is a text', '{"type":"ping","payload":"{}"}'],
  ['a payload that is a number', '{"type":"ping","payload":0}'],
  ['metadata that is null', '{"type":"ping","metadata":null}'],
  ['metadata that is a list', '{"type":"ping","metadata":[]}'],
  ['metadata that is a text', '{"type":"ping","metadata":"x"}'],
  ['a message_id that is a number', message('"message_id":1')],
  ['a message_id that is empty', message('"message_id":""')],
  ['a message_id of 129 characters', message(`"message_id":"${long(129)}"`)],
  ['a message_id with a control character', message('"message_id":"a\\u0000"')],
  ['a message_id with half of a surrogate pair', message('"message_id":"\\ud800"')],
  ['a correlation_id that is a number', message('"correlation_id":1')],
  ['a timestamp that is a number', message('"timestamp":1')],
  ['a client_id that is an object', message('"client_id":{}')],
  ['a user that is a number', message('"user":1')],
  ['an offset that is a text', message('"offset":"1"')],
  ['an offset below 0', message('"offset":-1')],
  ['an offset that is no whole number', message('"offset":1.5')],
  ['an offset above 2^53 - 1', message('"offset":9007199254740992')],
  ['a channel that is a number', '{"type":"message","metadata":{"channel":1}}'],
  ['a channel that is empty', '{"type":"message","metadata":{"channel":""}}'],
  ['a channel without a namespace', '{"type":"message","metadata":{"channel":"general"}}'],
  ['a channel without a rest', '{"type":"message","metadata":{"channel":"chat:"}}'],
  [
    'a channel whose namespace is in upper case',
    '{"type":"message","metadata":{"channel":"Chat:a"}}',
  ],
  ['a channel with a space', '{"type":"message","metadata":{"channel":"chat:a b"}}'],
  ['a channel with an asterisk', '{"type":"message","metadata":{"channel":"chat:*"}}'],
  ['a channel beyond ASCII', '{"type":"message","metadata":{"channel":"chat:\u00e4"}}'],
  [
    'a channel of 201 characters behind the colon',
    `{"type":"message","metadata":{"channel":"chat:${long(201)}"}}`,
  ],
  ['a payload 65 levels deep', `{"type":"ping","payload":{"a":${nested(64)}}}`],
  ['a payload 20,000 levels deep', `{"type":"ping","payload":{"a":${nested(20_000)}}}`],
  ['1,001 keys', `{"type":"ping","payload":${keys(1001)}}`],
]

const GOOD: [what: string, sent: string][] = [
  ['payload and metadata may be absent', '{"type":"ping"}'],
  ['fields that nobody knows are passed over', '{"type":"ping","later":1,"metadata":{"later":[]}}'],
  ['a payload 64 levels deep is taken', `{"type":"ping","payload":{"a":${nested(63)}}}`],
  ['990 keys are taken', `{"type":"ping","payload":${keys(990)}}`],
  ['white space around the JSON is taken', ' \r\n\t{ "type" : "ping" } \n'],
  ['of a key that is there twice the last one counts', '{"type":"dance","type":"ping"}'],
]

/** Types that no client may send, though they carry a channel like a publish. */
const RESERVED = [
  'connection_established',
  'auth_response',
  'auth_expiring',
  'pong',
  'server_shutdown',
  'subscribed',
  'unsubscribed',
  'ack',
  'reset',
  'call',
  'error',
  'presence_state',
  'room_joined',
  'notification',
]

export const ENVELOPE: readonly ProtocolVector[] = [
  ...BAD.map(([what, sent], i): ProtocolVector => ({
    id: `bad.${i + 1}`,
    what: `${what} is 4009`,
    steps: [{ up: sent }, refused(4009)],
  })),
  ...GOOD.map(([what, sent], i): ProtocolVector => ({
    id: `good.${i + 1}`,
    what,
    steps: [{ up: sent }, { down: { type: 'pong' } }],
  })),
  ...RESERVED.map((type): ProtocolVector => ({
    id: `reserved.${type}`,
    what: 'with a channel is no publish but 4010',
    steps: [up(type, {}, { channel: '$live', message_id: 'r' }), refused(4010, 'r')],
  })),
  {
    id: 'unknown.1',
    what: 'a type that nobody knows, without a channel, is 4010',
    steps: [up('dance', {}, { message_id: 'd' }), refused(4010, 'd')],
  },
  {
    id: 'strikes.1',
    what: 'the tenth frame that cannot be read ends the connection with 4009',
    steps: [
      ...Array.from({ length: 10 }, () => ({ up: 'nonsense' })),
      ...Array.from({ length: 10 }, () => refused(4009)),
      closed(4009),
    ],
  },
  {
    id: 'strikes.2',
    what: 'the tenth payload that is not valid does not',
    steps: [
      ...Array.from({ length: 10 }, () => up('subscribe')),
      ...Array.from({ length: 10 }, () => refused(4009)),
      up('ping'),
      { down: { type: 'pong' } },
    ],
  },
]
