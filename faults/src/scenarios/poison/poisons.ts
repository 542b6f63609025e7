import type { Json } from '@tidewire/protocol'
import { packed } from './encodings.ts'

/** What can be published with, one after the other. */
export const WAYS = ['json', 'msgpack', 'protobuf', 'http'] as const
export type Way = (typeof WAYS)[number]

/** One hostile publication. */
export interface Poison {
  name: string
  /** The payload as JSON text, which need not be valid. */
  json: Buffer
  /** The same in MessagePack. Without it, it is not sent that way. */
  msgpack?: Buffer
  /** Default: `message`. */
  type?: string
  /** Default: one that the server makes. */
  messageId?: string
  /** Default: that of the scenario. */
  channel?: string
  /** The ways on which it can be said. Default: all. */
  ways?: readonly Way[]
  /** The error or close code of each way that refuses it; the others have to deliver it. */
  refused?: number | Partial<Record<Way, number>>
}

const CRLF = '\r\n\r\nevent: reset\r\nid: 1\r\ndata: {"forged":true}\n\n'
const BAD_ENVELOPE = 4009
const TOO_LARGE = 4005
/** RFC 6455 §7.4.1: not UTF-8, and too big. */
const NOT_UTF8 = 1007
const TOO_BIG = 1009
const NO_TEXT: Partial<Record<Way, number>> = {
  json: NOT_UTF8,
  msgpack: BAD_ENVELOPE,
  protobuf: BAD_ENVELOPE,
  http: BAD_ENVELOPE,
}

export function makePoisons(): Poison[] {
  return [...bodies(), ...texts(), ...sizes(), ...brokenBodies(), ...names()]
}

function of(name: string, payload: Json, rest: Partial<Poison> = {}): Poison {
  return ofText(name, JSON.stringify(payload), { msgpack: packed(payload), ...rest })
}

function ofText(name: string, text: string, rest: Partial<Poison> = {}): Poison {
  return { name, json: Buffer.from(text), ...rest }
}

function bodies(): Poison[] {
  const inherited =
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"then":"x",' +
    '"toString":1,"hasOwnProperty":null,"valueOf":{"then":1},"toJSON":"x","length":-1}'
  const numbers =
    '{"n":[-0,1e-400,5e-324,1.7976931348623157e308,9007199254740993,-9223372036854775808,' +
    '18446744073709551615,0.30000000000000004,1E+2]}'
  return [
    of('keys that objects inherit', JSON.parse(inherited) as Json),
    ofText('numbers at the edges', numbers, { msgpack: packed(JSON.parse(numbers) as Json) }),
    // In MessagePack it is no JSON value. In JSON text it reads as Infinity, which JSON writes as null.
    ofText('a number beyond all', '{"n":1e400,"m":[-1e400]}', {
      msgpack: Buffer.from('81a16ecb7ff0000000000000', 'hex'),
      refused: { msgpack: BAD_ENVELOPE },
    }),
    ofText('one key twice', '{"a":1,"a":2}', {
      msgpack: Buffer.from('82a16101a16102', 'hex'),
    }),
    of('an empty payload', {}),
    of('empty and numeric keys', { '': 1, 2: 'b', 1: 'a', ' ': 0, '-1': [] }),
  ]
}

function texts(): Poison[] {
  const odd = '\u2028\u2029\u0085\ufeff\u200b\u202e\u0000\u007f\u001b[2J</script>\\"\u{10ffff}'
  const unpaired = '{"high":"\\ud800","low":"a\\udc00b","swapped":"\\udc00\\ud800","\\ud800key":1}'
  return [
    of('line ends and forged events', { [CRLF]: CRLF, '\r': '\n', list: ['\r', '\n\n', '\r\n'] }),
    of('separators and controls', { [odd]: odd }),
    // What UTF-8 cannot say, MessagePack cannot either.
    ofText('unpaired surrogates', unpaired, {
      msgpack: packed(JSON.parse(unpaired) as Json),
    }),
  ]
}

function sizes(): Poison[] {
  const kb60 = 60_000
  return [
    of('60 KB of x', { text: 'x'.repeat(kb60) }),
    of('60 KB of U+2028', { text: '\u2028'.repeat(kb60 / 3) }),
    of('60 KB of emoji', { text: '\u{1f600}'.repeat(kb60 / 4) }),
    of('30,000 quotes', { text: '"'.repeat(kb60 / 2) }),
    // 60 KB in MessagePack, six times that in JSON.
    of(
      '60,000 NULs',
      { text: '\0'.repeat(kb60) },
      {
        refused: { json: TOO_BIG, protobuf: TOO_BIG, http: TOO_LARGE },
      },
    ),
    of(
      '200 KB',
      { text: 'x'.repeat(200_000) },
      {
        refused: { json: TOO_BIG, msgpack: TOO_BIG, protobuf: TOO_BIG, http: TOO_LARGE },
      },
    ),
    of('60 levels', nested(60)),
    of('66 levels', nested(66), { refused: BAD_ENVELOPE }),
    ofText('10,000 levels', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, {
      msgpack: Buffer.from(`${'81a161'.repeat(10_000)}01`, 'hex'),
      refused: BAD_ENVELOPE,
    }),
    ofText('10,000 lists', `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, {
      msgpack: Buffer.from(`81a161${'91'.repeat(10_000)}01`, 'hex'),
      refused: BAD_ENVELOPE,
    }),
    of('990 keys', keys(990)),
    of('1,001 keys', keys(1001), { refused: BAD_ENVELOPE }),
    // An array that says it has 2^32 - 1 items.
    ofText('a length that lies', '', {
      msgpack: Buffer.from('81a161ddffffffff', 'hex'),
      ways: ['msgpack'],
      refused: BAD_ENVELOPE,
    }),
  ]
}

function brokenBodies(): Poison[] {
  const badUtf8 = Buffer.from('{"text":"a\u00ff\u00feb"}', 'latin1')
  const texts = ['{"a":NaN}', '{"a":1}}', '{"a":', '{a:1}', '{"a":"\n"}', '{"a":01}', '{"a":1,}']
  return [
    {
      name: 'bad UTF-8',
      json: badUtf8,
      msgpack: Buffer.from('81a474657874a461fffe62', 'hex'),
      refused: NO_TEXT,
    },
    {
      name: 'half a character',
      json: Buffer.from('{"text":"\u00ed\u00a0\u0080"}', 'latin1'),
      msgpack: Buffer.from('81a474657874a3eda080', 'hex'),
      refused: NO_TEXT,
    },
    ...texts.map((text) =>
      ofText(`not JSON: ${JSON.stringify(text)}`, text, { refused: BAD_ENVELOPE }),
    ),
    ...['[1]', 'null', '"text"', '1'].map((text) =>
      ofText(`no object: ${text}`, text, {
        msgpack: packed(JSON.parse(text) as Json),
        refused: BAD_ENVELOPE,
      }),
    ),
    ofText('a key that is no text', '', {
      msgpack: Buffer.from('8101a161', 'hex'),
      ways: ['msgpack'],
      refused: BAD_ENVELOPE,
    }),
  ]
}

/** Everything beside the payload. */
function names(): Poison[] {
  const id = (name: string, messageId: string, rest: Partial<Poison> = {}): Poison =>
    of(`message_id ${name}`, { name }, { messageId, ...rest })
  const refused = BAD_ENVELOPE
  return [
    id('of 64 astral characters', '\u{1f600}'.repeat(64)),
    id('of 128 astral characters', '\u{1f600}'.repeat(128), { refused }),
    id('of an object', '__proto__'),
    id('with separators', '\u2028\u2029 ~"\'\\<>'),
    id('with line ends', `a${CRLF}`, { refused }),
    id('with NUL', 'a\0b', { refused }),
    id('that is empty', '', { refused }),
    // Elsewhere it cannot be said.
    id('of half a pair', 'a\ud800', { refused, ways: ['json', 'http'] }),
    of('type of an object', { a: 1 }, { type: 'constructor' }),
    of('type then', { a: 1 }, { type: 'then' }),
    of('type __proto__', { a: 1 }, { type: '__proto__', refused }),
    of('type with line ends', { a: 1 }, { type: `a${CRLF}`, refused }),
    of('channel with line ends', { a: 1 }, { channel: `chat:a${CRLF}`, refused }),
    of('channel __proto__', { a: 1 }, { channel: '__proto__:a', refused }),
    of('channel of an object', { a: 1 }, { channel: 'constructor:a', refused: 4012 }),
  ]
}

function nested(levels: number): Json {
  let value: Json = 1
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? { a: value } : [value]
  return typeof value === 'object' && !Array.isArray(value) ? value : { a: value }
}

function keys(count: number): Json {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]))
}
