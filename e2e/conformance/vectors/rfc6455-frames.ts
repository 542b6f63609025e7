import { deflateRawSync } from 'node:zlib'
import { close, frame, OPCODE, text } from '../wire.ts'

/** Frames that a client sends on an open connection, and all that must come back. */
export interface FrameVector {
  id: string
  what: string
  send: readonly Buffer[]
  /** Each byte in a segment of its own. */
  bytewise?: true
  /** See `say`. Without a `close` in it the connection must go on, with one it must end. */
  expect: readonly string[]
}

const { continuation, binary, ping, pong } = OPCODE
const part = { fin: false }
const PING = '{"type":"ping"}'
/** A frame of the protocol that is as long as wanted: JSON may end with spaces. */
const ofLength = (length: number): string => PING.padEnd(length)
const bytes = (...values: number[]): Buffer => Buffer.from(values)
const fragments = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => {
    const fin = i === count - 1
    return frame(i === 0 ? OPCODE.text : continuation, i === 0 ? PING : ' ', { fin })
  })

/** 10 KB that would be 10 MiB. */
const BOMB = deflateRawSync(Buffer.alloc(10 * 1024 * 1024))

const LIMITS: FrameVector[] = [
  {
    id: 'limit.1',
    what: 'a message of 65,536 bytes, the limit, is taken',
    send: [text(ofLength(65_536))],
    expect: ['message pong'],
  },
  {
    id: 'limit.2',
    what: 'a message of 65,537 bytes closes with 1009',
    send: [text(ofLength(65_537))],
    expect: ['close 1009'],
  },
  {
    id: 'limit.3',
    what: 'fragments that are 65,537 bytes together close with 1009',
    send: [text(ofLength(65_000), part), frame(continuation, ' '.repeat(537))],
    expect: ['close 1009'],
  },
  {
    id: 'limit.4',
    what: 'a length of 2^53 closes with 1009, before any of it came',
    send: [text('', { length: { bits: 64, value: 2n ** 53n } })],
    expect: ['close 1009'],
  },
  {
    id: 'limit.5',
    what: 'a length of 2^63, whose first bit must be 0, closes with 1009',
    send: [text('', { length: { bits: 64, value: 2n ** 63n } })],
    expect: ['close 1009'],
  },
  {
    id: 'limit.6',
    what: '64 fragments are taken',
    send: fragments(64),
    expect: ['message pong'],
  },
  {
    id: 'limit.7',
    what: '65 fragments close with 1008',
    send: fragments(65),
    expect: ['close 1008'],
  },
  {
    id: 'limit.8',
    what: '200 empty fragments close with 1008',
    send: [
      text('', part),
      ...Array.from({ length: 199 }, () => frame(continuation, '', part)),
      frame(continuation, PING),
    ],
    expect: ['close 1008'],
  },
]

const BAD_UTF8: [id: string, what: string, send: Buffer[]][] = [
  ['utf8.1', 'a byte that cannot be in UTF-8', [frame(OPCODE.text, bytes(0xff))]],
  ['utf8.2', 'a continuation byte alone', [frame(OPCODE.text, bytes(0x80))]],
  ['utf8.3', 'a character that is cut off', [frame(OPCODE.text, bytes(0xe2, 0x82))]],
  ['utf8.4', 'an overlong slash', [frame(OPCODE.text, bytes(0xc0, 0xaf))]],
  ['utf8.5', 'half of a surrogate pair', [frame(OPCODE.text, bytes(0xed, 0xa0, 0x80))]],
  ['utf8.6', 'a character beyond U+10FFFF', [frame(OPCODE.text, bytes(0xf4, 0x90, 0x80, 0x80))]],
  [
    'utf8.7',
    'bad UTF-8 that two fragments make together',
    [frame(OPCODE.text, bytes(0xe2, 0x82), part), frame(continuation, bytes(0x20))],
  ],
  ['utf8.8', 'bad UTF-8 in a close reason', [close(1000, bytes(0xff))]],
]

const UTF8: FrameVector[] = [
  ...BAD_UTF8.map(([id, what, send]): FrameVector => ({
    id,
    what: `${what} closes with 1007`,
    send,
    expect: ['close 1007'],
  })),
  {
    id: 'utf8.9',
    what: 'a character of four bytes that two fragments share is taken',
    send: [
      frame(
        OPCODE.text,
        Buffer.concat([Buffer.from('{"type":"ping","payload":{"a":"'), bytes(0xf0, 0x9f)]),
        part,
      ),
      frame(continuation, Buffer.concat([bytes(0x8c, 0x8a), Buffer.from('"}}')])),
    ],
    expect: ['message pong'],
  },
]

// RFC 7692: the server does not offer permessage-deflate, so that a compressed frame is one with a reserved bit that
// nothing gave a meaning. Whatever it would have become when inflated is never looked at.
const DEFLATED: [id: string, what: string, send: Buffer[]][] = [
  ['deflate.1', 'a compressed message (RSV1)', [text(PING, { rsv: 4 })]],
  ['deflate.2', 'a deflate bomb, which is not inflated,', [frame(binary, BOMB, { rsv: 4 })]],
  [
    'deflate.3',
    'a deflate bomb in fragments',
    [
      frame(binary, BOMB.subarray(0, 5000), { rsv: 4, ...part }),
      frame(continuation, BOMB.subarray(5000)),
    ],
  ],
  ['deflate.4', 'deflate garbage', [frame(binary, bytes(0xff, 0xff, 0xff), { rsv: 4 })]],
]

const UNFRAMED: [id: string, what: string, send: Buffer[]][] = [
  ...DEFLATED,
  ['header.1', 'RSV1 on a control frame', [frame(ping, '', { rsv: 4 })]],
  ['header.2', 'RSV2', [text(PING, { rsv: 2 })]],
  ['header.3', 'RSV3', [text(PING, { rsv: 1 })]],
  ['header.4', 'all reserved bits', [text(PING, { rsv: 7 })]],
  [
    'header.5',
    'RSV1 on a continuation',
    [text('{"type":', part), frame(continuation, '"ping"}', { rsv: 4 })],
  ],
  ['header.6', 'a frame without a mask', [text(PING, { mask: false })]],
  ['header.7', 'a ping without a mask', [frame(ping, '', { mask: false })]],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, string, Buffer[]] => [
    `opcode.${opcode}`,
    `the reserved opcode ${opcode}`,
    [frame(opcode)],
  ]),
  ['control.1', 'a ping of 126 bytes', [frame(ping, 'x'.repeat(126))]],
  ['control.2', 'a ping in fragments', [frame(ping, 'a', part), frame(continuation, 'b')]],
  ['control.3', 'a pong in fragments', [frame(pong, 'a', part)]],
  ['control.4', 'a close of 1 byte', [frame(OPCODE.close, bytes(3))]],
  ['control.5', 'a close of 126 bytes', [close(1000, 'x'.repeat(124))]],
  ['control.6', 'a close in fragments', [close(1000, '', part)]],
  ['fragment.1', 'a continuation of nothing', [frame(continuation, PING)]],
  [
    'fragment.2',
    'a continuation after the last one',
    [frame(continuation, PING, part), frame(continuation, PING)],
  ],
  ['fragment.3', 'new text among the fragments of a message', [text('{', part), text(PING)]],
  [
    'fragment.4',
    'new bytes among the fragments of a message',
    [text('{', part), frame(binary, '')],
  ],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65_535].map(
    (code): [string, string, Buffer[]] => [
      `close.${code}`,
      `the close code ${code}, which nobody may send,`,
      [close(code)],
    ],
  ),
]

const WELL_FRAMED: FrameVector[] = [
  {
    id: 'close.empty',
    what: 'an empty close is answered with an empty one',
    send: [close()],
    expect: ['close'],
  },
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 3000, 4999].map(
    (code): FrameVector => ({
      id: `close.${code}`,
      what: `the close code ${code} is echoed`,
      send: [close(code, 'because')],
      expect: [`close ${code}`],
    }),
  ),
  {
    id: 'close.silence',
    what: 'nothing is answered that comes after a close',
    send: [Buffer.concat([close(1000), text(PING), frame(ping, 'late'), close(1001)])],
    expect: ['close 1000'],
  },
  {
    id: 'control.7',
    what: 'ten pings are answered one by one, in order',
    send: Array.from({ length: 10 }, (_, i) => frame(ping, `p${i}`)),
    expect: Array.from({ length: 10 }, (_, i) => `pong p${i}`),
  },
  {
    id: 'control.8',
    what: 'a ping of 125 bytes, the most there is, is answered with all of them',
    send: [frame(ping, 'x'.repeat(125))],
    expect: [`pong ${'x'.repeat(125)}`],
  },
  { id: 'control.9', what: 'an empty ping is answered', send: [frame(ping)], expect: ['pong'] },
  {
    id: 'control.10',
    what: 'a pong that nobody asked for is ignored',
    send: [frame(pong, 'unasked')],
    expect: [],
  },
  {
    id: 'control.11',
    what: 'a ping between fragments is answered first',
    send: [text('{"type":', part), frame(ping, 'between'), frame(continuation, '"ping"}')],
    expect: ['pong between', 'message pong'],
  },
  {
    id: 'fragment.5',
    what: 'a message in three fragments is one message',
    send: [text('{"ty', part), frame(continuation, 'pe":"p', part), frame(continuation, 'ing"}')],
    expect: ['message pong'],
  },
  {
    id: 'fragment.6',
    what: 'a message with empty fragments is one message',
    send: [text('', part), frame(continuation, '', part), frame(continuation, PING)],
    expect: ['message pong'],
  },
  {
    id: 'delivery.1',
    what: 'a message that comes byte by byte is taken',
    send: [text(PING)],
    bytewise: true,
    expect: ['message pong'],
  },
  {
    id: 'delivery.2',
    what: 'fragments and pings that come byte by byte are taken',
    send: [text('{"type":', part), frame(ping, 'slow'), frame(continuation, '"ping"}')],
    bytewise: true,
    expect: ['pong slow', 'message pong'],
  },
  {
    id: 'delivery.3',
    what: 'ten messages in one segment are ten messages',
    send: [Buffer.concat(Array.from({ length: 10 }, () => text(PING)))],
    expect: Array.from({ length: 10 }, () => 'message pong'),
  },
  {
    id: 'length.1',
    what: 'a length in 16 bits that 7 would hold is taken (RFC 6455 §5.2 forbids to send it; `ws` is lenient)',
    send: [text(PING, { length: { bits: 16, value: BigInt(PING.length) } })],
    expect: ['message pong'],
  },
  {
    id: 'length.2',
    what: 'a length in 64 bits that 7 would hold is taken, too',
    send: [text(PING, { length: { bits: 64, value: BigInt(PING.length) } })],
    expect: ['message pong'],
  },
  {
    id: 'length.3',
    what: 'a message of 126 bytes, the first with a length of 16 bits, is taken',
    send: [text(ofLength(126))],
    expect: ['message pong'],
  },
  {
    id: 'length.4',
    what: 'an empty text is no envelope, and no end of the connection',
    send: [text('')],
    expect: ['message error'],
  },
]

export const FRAMES: readonly FrameVector[] = [
  ...LIMITS,
  ...UTF8,
  ...UNFRAMED.map(([id, what, send]): FrameVector => ({
    id,
    what: `${what} closes with 1002`,
    send,
    expect: ['close 1002'],
  })),
  ...WELL_FRAMED,
]
