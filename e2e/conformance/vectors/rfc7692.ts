import { constants, deflateRawSync, type ZlibOptions } from 'node:zlib'
import { frame, OPCODE, text } from '../wire.ts'
import type { FrameVector } from './rfc6455-frames.ts'
import type { HandshakeVector } from './rfc6455-handshakes.ts'

// For a server with compression on; without it, see the offers in rfc6455-handshakes.ts.

/** `ws` names first what the client named. */
const agreed = (parameters: string): HandshakeVector['expect'] => ({
  status: 101,
  headers: { 'sec-websocket-extensions': `permessage-deflate; ${parameters}` },
})

const REFUSED = { status: 400 }
const ACCEPTED = agreed(
  'server_no_context_takeover; client_no_context_takeover; server_max_window_bits=13',
)
const DECLINED = { status: 101, headers: { 'sec-websocket-extensions': undefined } }

const OFFERS: [what: string, offer: string, expect: HandshakeVector['expect']][] = [
  ['permessage-deflate is agreed to', 'permessage-deflate', ACCEPTED],
  [
    'a window of any size for what the client sends is agreed to',
    'permessage-deflate; client_max_window_bits',
    ACCEPTED,
  ],
  [
    'a window that is larger than ours is agreed to with ours',
    'permessage-deflate; server_max_window_bits=15',
    agreed('server_max_window_bits=13; server_no_context_takeover; client_no_context_takeover'),
  ],
  [
    'both sides without context takeover is agreed to',
    'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    ACCEPTED,
  ],
  [
    'a window that is smaller than ours is declined',
    'permessage-deflate; server_max_window_bits=12',
    DECLINED,
  ],
  [
    'the second offer is agreed to where the first has too small a window',
    'permessage-deflate; server_max_window_bits=10, permessage-deflate',
    ACCEPTED,
  ],
  ['an unknown extension is ignored', 'x-unknown; a=b', DECLINED],
  [
    'an unknown extension before permessage-deflate is ignored',
    'x-unknown, permessage-deflate',
    ACCEPTED,
  ],
  ['__proto__ is ignored', '__proto__', DECLINED],
  [
    'a window twice is refused',
    'permessage-deflate; server_max_window_bits=10; server_max_window_bits=11',
    REFUSED,
  ],
  [
    'the same window twice is refused',
    'permessage-deflate; client_max_window_bits=15; client_max_window_bits=15',
    REFUSED,
  ],
  [
    'no context takeover twice is refused',
    'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
    REFUSED,
  ],
  ...['7', '16', '0', '-1', 'abc', '""'].flatMap(
    (bits): [string, string, HandshakeVector['expect']][] =>
      ['server', 'client'].map((side) => [
        `a ${side} window of ${bits} bits is refused`,
        `permessage-deflate; ${side}_max_window_bits=${bits}`,
        REFUSED,
      ]),
  ),
  [
    'a server window without a size is refused',
    'permessage-deflate; server_max_window_bits',
    REFUSED,
  ],
  [
    'no context takeover with a value is refused',
    'permessage-deflate; server_no_context_takeover=1',
    REFUSED,
  ],
  ['an unknown parameter is refused', 'permessage-deflate; unknown=1', REFUSED],
  ['__proto__ as a parameter is refused', 'permessage-deflate; __proto__', REFUSED],
  ['an extension that is no token is refused', 'permessage deflate;;;=,', REFUSED],
]

export const COMPRESSION_OFFERS: readonly HandshakeVector[] = OFFERS.map(
  ([what, offer, expect], i) => ({
    id: `offer.${i + 1}`,
    what,
    headers: { 'Sec-WebSocket-Extensions': offer },
    expect,
  }),
)

const { continuation, binary, ping } = OPCODE
const part = { fin: false }
const RSV1 = { rsv: 4 }
const PING = '{"type":"ping"}'
/** What is taken at most, inflated (PROTOCOL.md, “Limits”). */
const LIMIT = 65_536

/** One message as RFC 7692 §7.2.1 has it: without what every flush ends with. */
function deflated(message: string | Buffer, options: ZlibOptions = {}): Buffer {
  const flushed = { ...options, finishFlush: constants.Z_SYNC_FLUSH }
  return deflateRawSync(message, flushed).subarray(0, -4)
}

/** 10 KB that would be 10 MiB, and 50 KB that would be 50 MiB. */
const BOMB = deflated(Buffer.alloc(10 * 1024 * 1024))
const LARGE_BOMB = deflated(Buffer.alloc(50 * 1024 * 1024))

const inParts = (bytes: Buffer, count: number): Buffer[] => {
  const size = Math.ceil(bytes.length / count)
  return Array.from({ length: count }, (_, i) => {
    const piece = bytes.subarray(i * size, (i + 1) * size)
    const options = { fin: i === count - 1, rsv: i === 0 ? 4 : 0 }
    return frame(i === 0 ? OPCODE.text : continuation, piece, options)
  })
}

const compressed = (message: string | Buffer, options?: ZlibOptions): Buffer =>
  frame(OPCODE.text, deflated(message, options), RSV1)

type Row = [what: string, send: readonly Buffer[]]

const TAKEN: Row[] = [
  ['a compressed message', [compressed(PING)]],
  ['a compressed message in five fragments', inParts(deflated(PING), 5)],
  ['a compressed message in a single stored block', [compressed(PING, { level: 0 })]],
  ['a compressed message with a window of 256 bytes', [compressed(PING, { windowBits: 9 })]],
  ['a message that is not compressed', [text(PING)]],
  ['a compressed message of 65,536 bytes, the limit,', [compressed(PING.padEnd(LIMIT))]],
  [
    'a compressed message that ends with an empty fragment',
    [frame(OPCODE.text, deflated(PING), { ...RSV1, ...part }), frame(continuation, '')],
  ],
]

const TOO_LARGE: Row[] = [
  ['a message that inflates to 65,537 bytes', [compressed(PING.padEnd(LIMIT + 1))]],
  ['a deflate bomb', [frame(OPCODE.text, BOMB, RSV1)]],
  ['a deflate bomb of 50 MiB', [frame(OPCODE.text, LARGE_BOMB, RSV1)]],
  ['a deflate bomb in a binary message', [frame(binary, BOMB, RSV1)]],
  ['a deflate bomb in two fragments', inParts(BOMB, 2)],
  ['a deflate bomb in sixty fragments', inParts(BOMB, 60)],
]

const NOT_DEFLATED: Row[] = [
  ['deflate garbage', [frame(OPCODE.text, Buffer.of(0xff, 0xff, 0xff), RSV1)]],
  ['text that says it is compressed', [frame(OPCODE.text, PING, RSV1)]],
  ['deflate garbage in fragments', inParts(Buffer.alloc(20, 0xff), 4)],
  [
    'what refers to the message before, though nobody keeps a window,',
    [compressed(PING, { dictionary: Buffer.from(PING) })],
  ],
  ['bad UTF-8 that was compressed', [compressed(Buffer.of(0x22, 0xff, 0x22))]],
]

const BADLY_FRAMED: Row[] = [
  ['RSV1 on a ping', [frame(ping, '', RSV1)]],
  ['RSV1 on a close', [frame(OPCODE.close, Buffer.of(3, 232), RSV1)]],
  [
    'RSV1 on a continuation',
    [
      frame(OPCODE.text, deflated(PING).subarray(0, 4), { ...RSV1, ...part }),
      frame(continuation, deflated(PING).subarray(4), RSV1),
    ],
  ],
  ['RSV1 with RSV2', [frame(OPCODE.text, deflated(PING), { rsv: 6 })]],
]

const rows = (id: string, vectors: Row[], verdict: string, expect: string): FrameVector[] =>
  vectors.map(([what, send], i) => ({
    id: `${id}.${i + 1}`,
    what: `${what} ${verdict}`,
    send,
    expect: [expect],
  }))

export const COMPRESSED_FRAMES: readonly FrameVector[] = [
  ...rows('deflate.taken', TAKEN, 'is taken', 'message pong'),
  ...rows('deflate.size', TOO_LARGE, 'closes with 1009', 'close 1009'),
  ...rows('deflate.garbage', NOT_DEFLATED, 'closes with 1007', 'close 1007'),
  ...rows('deflate.header', BADLY_FRAMED, 'closes with 1002', 'close 1002'),
]
