import {
  bare,
  type ClientVector,
  closing,
  GREETS,
  NETWORK,
  raw,
  serves,
  after,
  type Act,
} from './client-acts.ts'
import { OPCODE } from '../wire.ts'

const HANDSHAKES: ClientVector[] = [
  ...[301, 302, 400, 401, 403, 404, 426, 429, 500, 502, 503].map((status): ClientVector => ({
    id: `handshake.${status}`,
    what: 'the status alone decides nothing: browsers are not told it',
    // Twice, because undici asks a second time by itself after a 401.
    calls: [[{ refuses: status }], [{ refuses: status }]],
    ...NETWORK,
  })),
  { id: 'handshake.200', what: 'an ordinary page', calls: [[{ refuses: 200 }]], ...NETWORK },
  {
    id: 'handshake.key',
    what: 'a wrong accept key',
    calls: [[{ upgrades: { 'Sec-WebSocket-Accept': 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' } }, GREETS]],
    ...NETWORK,
  },
  {
    id: 'handshake.no-key',
    what: 'no accept key',
    calls: [[{ upgrades: { 'Sec-WebSocket-Accept': undefined } }, GREETS]],
    ...NETWORK,
  },
  {
    id: 'handshake.upgrade',
    what: 'an upgrade to something else',
    calls: [[{ upgrades: { Upgrade: 'h2c' } }, GREETS]],
    ...NETWORK,
  },
  {
    id: 'handshake.subprotocol',
    what: 'a subprotocol that was not offered',
    calls: [[{ upgrades: { 'Sec-WebSocket-Protocol': 'tidewire.v9.json' } }, GREETS]],
    ...NETWORK,
  },
  {
    id: 'handshake.extension',
    what: 'an extension that was not offered',
    calls: [[{ upgrades: { 'Sec-WebSocket-Extensions': 'x-unknown' } }, GREETS]],
    ...NETWORK,
  },
  {
    id: 'handshake.garbage',
    what: 'no HTTP at all',
    calls: [[{ sends: 'SSH-2.0-OpenSSH_9.2\r\n\r\n' }, { falls: 'ends' }]],
    ...NETWORK,
  },
  {
    id: 'handshake.half',
    what: 'half of an answer',
    calls: [[{ sends: 'HTTP/1.1 101 Switching Pro' }, { falls: 'ends' }]],
    ...NETWORK,
  },
  { id: 'handshake.end', what: 'the end', calls: [[{ falls: 'ends' }]], ...NETWORK },
  { id: 'handshake.reset', what: 'a reset', calls: [[{ falls: 'resets' }]], ...NETWORK },
  {
    id: 'handshake.101-garbage',
    what: '101, and then garbage',
    calls: [[{ upgrades: {} }, { sends: 'HTTP/1.1 200 OK\r\n\r\nhello' }]],
    ...NETWORK,
  },
  {
    id: 'handshake.101-end',
    what: '101, and then the end',
    calls: [[{ upgrades: {} }, { falls: 'ends' }]],
    ...NETWORK,
  },
  {
    id: 'handshake.twice',
    what: 'two refusals and a reset, one after the other',
    calls: [[{ refuses: 503 }], [{ refuses: 503 }], [{ falls: 'resets' }]],
    ...NETWORK,
  },
]

const FRAMES: ClientVector[] = (
  [
    ['masked', 'a masked frame', bare(OPCODE.text, '{"type":"pong"}', { mask: true })],
    ['utf8', 'bad UTF-8', bare(OPCODE.text, Buffer.of(0xff, 0xfe))],
    ['rsv1', 'a compressed frame without the extension', bare(OPCODE.text, '{}', { rsv: 4 })],
    ['rsv2', 'a reserved bit', bare(OPCODE.text, '{}', { rsv: 2 })],
    ['opcode', 'a reserved opcode', bare(3)],
    ['control-opcode', 'a reserved control opcode', bare(11)],
    ['continuation', 'a continuation of nothing', bare(OPCODE.continuation, '{}')],
    ['ping', 'a ping of 126 bytes', bare(OPCODE.ping, 'x'.repeat(126))],
    ['ping-part', 'a ping in fragments', bare(OPCODE.ping, 'x', { fin: false })],
    ['close-1', 'a close of 1 byte', bare(OPCODE.close, Buffer.of(3))],
    ['close-1005', 'the close code 1005', closing(1005)],
    ['close-999', 'the close code 999', closing(999)],
    ['close-1006', 'the close code 1006, which no frame may hold', closing(1006)],
  ] as [string, string, Act][]
).map(([id, what, act]) => ({ id: `frame.${id}`, what, calls: after(act), ...NETWORK }))

const REASONS: Readonly<Record<number, string>> = {
  4000: 'unknown_error',
  4004: 'rate_limited',
  4005: 'message_too_large',
  4007: 'too_many_connections',
  4008: 'slow_consumer',
  4009: 'bad_envelope',
  4010: 'unknown_type',
  4011: 'forbidden',
  4012: 'not_found',
  4013: 'conflict',
  4014: 'unavailable',
  4015: 'storage_full',
  1009: 'message_too_large',
  1012: 'server_shutdown',
}
/** No retry mends these with a token that never changes. */
const FATAL: Readonly<Record<number, string>> = {
  4001: 'authentication_required',
  4002: 'authentication_failed',
  4003: 'origin_not_allowed',
  4006: 'session_expired',
}

// "No" under "retry?" in PROTOCOL.md §7 is about the request that was refused. Where such a code ends the connection, the
// app's other streams still want one: the client comes back, with its backoff. Only 4003, and tokens, are for good.
const CLOSES: ClientVector[] = [
  ...[
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4004,
    4005, 4007, 4008, 4009, 4010, 4011, 4012, 4013, 4014, 4015, 4016, 4999,
  ].map((code): ClientVector => ({
    id: `close.${code}`,
    what: `is \`${REASONS[code] ?? 'network'}\`, and the client comes back to where it was`,
    calls: after(closing(code)),
    lost: [REASONS[code] ?? 'network'],
  })),
  { id: 'close.empty', what: 'without a code', calls: after(closing()), ...NETWORK },
  { id: 'close.1006', what: 'without a close frame', calls: after({ falls: 'ends' }), ...NETWORK },
  { id: 'close.reset', what: 'by a reset', calls: after({ falls: 'resets' }), ...NETWORK },
  {
    id: 'close.early',
    what: 'instead of a greeting: 4007',
    calls: [[{ upgrades: {} }, closing(4007)]],
    lost: ['too_many_connections'],
  },
]

const OVERSIZED: ClientVector[] = [
  {
    id: 'size.1',
    what: 'a frame that says it is 2^62 bytes long',
    calls: after(bare(OPCODE.text, '', { length: { bits: 64, value: 2n ** 62n } })),
    ...NETWORK,
  },
  {
    id: 'size.2',
    what: 'a page of 500 publications of 64 KiB, the largest frame a server has to send',
    calls: after(raw(`{"type":"dance","payload":{"text":"${'x'.repeat(501 * 66_000)}"}}`), serves),
  },
]

/** A client that must not come back, and why. */
export const CLIENT_GIVES_UP: readonly {
  id: string
  what: string
  calls: readonly (readonly Act[])[]
  fails: string
  delivered: readonly number[]
}[] = [
  ...Object.entries(FATAL).map(([code, fails]) => ({
    id: `close.${code}`,
    what: `is \`${fails}\``,
    calls: after(closing(Number(code))),
    fails,
    delivered: [1],
  })),
  {
    id: 'close.refused',
    what: '4003 instead of a greeting',
    calls: [[{ upgrades: {} }, closing(4003)]],
    fails: 'origin_not_allowed',
    delivered: [],
  },
]

export const CLIENT_CONNECTION: readonly ClientVector[] = [
  ...HANDSHAKES,
  ...FRAMES,
  ...CLOSES,
  ...OVERSIZED,
]
