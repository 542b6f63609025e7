import { expect } from 'vitest'
import { frame, OPCODE } from '../wire.ts'
import { closed, down, ISO_TIME, NUMBER, refused, type Step, TEXT, up } from '../vocabulary.ts'

/** A conversation over WebSocket (PROTOCOL.md §1–§4). Unless its last step is a close, the connection goes on after it. */
export interface ProtocolVector {
  id: string
  what: string
  /** `Sec-WebSocket-Protocol`. Default: `tidewire.v1.json`. */
  offers?: string | undefined
  /** The subprotocol of the answer. Default: not looked at; `undefined`: none. */
  grants?: string | undefined
  /** How ada's token comes along. Default: in the query. */
  token?: 'query' | 'header' | 'subprotocol' | 'none'
  greeting?: object
  steps: readonly Step[]
}

/** A token that is refused at the handshake: with 4002, over the socket, where browsers can read it. */
export interface RefusedVector {
  id: string
  what: string
  target?: string
  headers?: Readonly<Record<string, string>>
}

const GREETING = {
  type: 'connection_established',
  payload: {
    client_id: TEXT,
    session: TEXT,
    authenticated: true,
    user: 'ada',
    heartbeat_ms: 25_000,
    limits: { max_frame_bytes: 65_536, max_depth: 64, max_keys: 1000, max_channels: 128 },
  },
}
const STRANGER = { payload: { authenticated: false } }
const response = down('auth_response', { status: 'ok', user: 'ada', expires_at: ISO_TIME })

const TOKENS: ProtocolVector[] = [
  { id: 'token.1', what: 'a token in the query greets its user', greeting: GREETING, steps: [] },
  {
    id: 'token.2',
    what: 'a token in the Authorization header greets its user',
    token: 'header',
    greeting: GREETING,
    steps: [],
  },
  {
    id: 'token.3',
    what: 'a token as second subprotocol greets its user and is not the one that is granted',
    token: 'subprotocol',
    grants: 'tidewire.v1.json',
    greeting: GREETING,
    steps: [],
  },
  {
    id: 'token.4',
    what: 'a token in a first frame is answered with its user and its end',
    token: 'none',
    greeting: STRANGER,
    steps: [up('auth', { token: '$ada' }, { message_id: 'a1' }), response],
  },
  {
    id: 'token.5',
    what: 'what is sent right behind `auth` waits for it and is done in order',
    token: 'none',
    steps: [
      up('auth', { token: '$ada' }),
      up('subscribe', { channel: '$live' }),
      up('ping'),
      response,
      { downs: [{ type: 'subscribed' }, { type: 'pong' }] },
    ],
  },
]

const ORDER: ProtocolVector[] = [
  ...[
    up('subscribe', { channel: '$chat' }, { message_id: 'x' }),
    up('unsubscribe', { channel: '$chat' }, { message_id: 'x' }),
    up('history', { channel: '$chat' }, { message_id: 'x' }),
    up('message', { content: 'hi' }, { channel: '$chat', message_id: 'x' }),
    up('refresh', { token: '$ada' }, { message_id: 'x' }),
    up('result', { value: 1 }, { message_id: 'x' }),
    up('no_such_type', {}, { message_id: 'x' }),
  ].map((step): ProtocolVector => ({
    id: `order.${'up' in step ? (step.up as { type: string }).type : ''}`,
    what: 'before `auth` ends the connection with 4001',
    token: 'none',
    greeting: STRANGER,
    steps: [step, { down: { type: 'error', payload: { code: 4001 } } }, closed(4001)],
  })),
  {
    id: 'order.ping',
    what: 'a `ping` before `auth` is answered',
    token: 'none',
    steps: [up('ping'), down('pong')],
  },
  {
    id: 'order.twice',
    what: 'a second `auth` of the same user is answered like the first',
    token: 'none',
    steps: [up('auth', { token: '$ada' }), response, up('auth', { token: '$ada' }), response],
  },
  {
    id: 'order.other',
    what: '`auth` of another user ends the connection with 4002',
    token: 'none',
    steps: [
      up('auth', { token: '$ada' }),
      response,
      up('auth', { token: '$bob' }, { message_id: 'b' }),
      refused(4002, 'b'),
      closed(4002),
    ],
  },
  {
    id: 'order.forged',
    what: '`auth` with a token that is none ends the connection with 4002',
    token: 'none',
    steps: [
      up('auth', { token: 'garbage' }, { message_id: 'f' }),
      refused(4002, 'f'),
      closed(4002),
    ],
  },
  ...[
    ['order.blank', 'an empty token', ''],
    ['order.long', 'a token of 8,193 characters', 'x'.repeat(8193)],
  ].map(([id = '', what = '', token = '']): ProtocolVector => ({
    id,
    what: `\`auth\` with ${what} ends the connection with 4002`,
    token: 'none',
    steps: [up('auth', { token }, { message_id: 'f' }), refused(4002, 'f'), closed(4002)],
  })),
  {
    id: 'order.empty',
    what: '`auth` without a token is 4009, and a second one still counts',
    token: 'none',
    steps: [
      up('auth', {}, { message_id: 'e' }),
      refused(4009, 'e'),
      up('auth', { token: '$ada' }),
      response,
    ],
  },
  {
    id: 'refresh.1',
    what: '`refresh` with a token of the same user is answered',
    steps: [up('refresh', { token: '$ada' }), response],
  },
  {
    id: 'refresh.2',
    what: '`refresh` with a token of another user is 4002, and the old one stays',
    steps: [up('refresh', { token: '$bob' }, { message_id: 'r' }), refused(4002, 'r')],
  },
  {
    id: 'refresh.3',
    what: '`refresh` with a token that is none is 4002, and the old one stays',
    steps: [up('refresh', { token: 'garbage' }, { message_id: 'r' }), refused(4002, 'r')],
  },
]

// {type: "ping"} in each binary codec, by hand.
const MSGPACK_PING = Buffer.concat([
  Buffer.of(0x81, 0xa4),
  Buffer.from('type'),
  Buffer.of(0xa4),
  Buffer.from('ping'),
])
const PROTO_PING = Buffer.concat([Buffer.of(0x0a, 4), Buffer.from('ping')])
const containing = (word: string): string => expect.stringContaining(word) as string
const binary = (bytes: Buffer): Step => ({ up: frame(OPCODE.binary, bytes) })
const binaryWith = (word: string): Step => ({ down: { binary: containing(word) } })

const SUBPROTOCOLS: ProtocolVector[] = [
  {
    id: 'codec.1',
    what: 'no offer is JSON',
    offers: undefined,
    grants: undefined,
    greeting: GREETING,
    steps: [up('ping'), down('pong')],
  },
  ...[
    ['codec.2', 'JSON is granted', 'tidewire.v1.json'],
    ['codec.3', 'an unknown one before JSON is passed over', 'chat, tidewire.v1.json'],
    ['codec.4', 'a later version before ours is passed over', 'tidewire.v9.json, tidewire.v1.json'],
    ['codec.5', 'JSON before MessagePack wins', 'tidewire.v1.json, tidewire.v1.msgpack'],
  ].map(([id = '', what = '', offers]): ProtocolVector => ({
    id,
    what,
    offers,
    grants: 'tidewire.v1.json',
    greeting: GREETING,
    steps: [up('ping'), down('pong')],
  })),
  {
    id: 'codec.6',
    what: 'of offers that are all unknown none is granted, and JSON is spoken',
    offers: 'tidewire.v9.json, chat',
    grants: undefined,
    greeting: GREETING,
    steps: [up('ping'), down('pong')],
  },
  {
    id: 'codec.7',
    what: 'MessagePack is granted and spoken',
    offers: 'tidewire.v1.msgpack, tidewire.v1.json',
    grants: 'tidewire.v1.msgpack',
    greeting: { binary: containing('connection_established') },
    steps: [binary(MSGPACK_PING), binaryWith('server_time')],
  },
  {
    id: 'codec.8',
    what: 'Protocol Buffers are granted and spoken',
    offers: 'tidewire.v1.proto',
    grants: 'tidewire.v1.proto',
    greeting: { binary: containing('connection_established') },
    steps: [binary(PROTO_PING), binaryWith('server_time')],
  },
  {
    id: 'codec.9',
    what: 'text on MessagePack is 4009, told in MessagePack',
    offers: 'tidewire.v1.msgpack',
    steps: [{ up: '{"type":"ping"}' }, binaryWith('bad_envelope')],
  },
  {
    id: 'codec.10',
    what: 'garbage on MessagePack is 4009',
    offers: 'tidewire.v1.msgpack',
    steps: [binary(Buffer.of(0xc1, 0xff)), binaryWith('bad_envelope')],
  },
  {
    id: 'codec.11',
    what: 'garbage on Protocol Buffers is 4009',
    offers: 'tidewire.v1.proto',
    steps: [binary(Buffer.of(0xff, 0xff, 0xff)), binaryWith('bad_envelope')],
  },
]

const HEARTBEAT: ProtocolVector[] = [
  {
    id: 'ping.1',
    what: '`ping` is answered with the time',
    steps: [up('ping'), down('pong', { server_time: ISO_TIME })],
  },
  {
    id: 'ping.2',
    what: '`ping` with a `message_id` is answered with its `correlation_id`',
    steps: [up('ping', {}, { message_id: 'p' }), down('pong', {}, { correlation_id: 'p' })],
  },
  {
    id: 'ping.3',
    what: 'a payload of `ping` is not minded',
    steps: [up('ping', { a: 1, type: 'pong' }), down('pong')],
  },
  {
    id: 'ping.4',
    what: 'an own `__proto__` in a payload pollutes nothing',
    steps: [
      { up: '{"type":"ping","payload":{"__proto__":{"server_time":"never"}}}' },
      down('pong', { server_time: ISO_TIME }),
    ],
  },
]

const GREETINGS: ProtocolVector[] = [
  {
    id: 'greeting.1',
    what: 'every limit is told as a number',
    greeting: { payload: { limits: { max_outbox_bytes: NUMBER, max_in_flight: NUMBER } } },
    steps: [],
  },
]

export const CONNECTION: readonly ProtocolVector[] = [
  ...TOKENS,
  ...ORDER,
  ...SUBPROTOCOLS,
  ...HEARTBEAT,
  ...GREETINGS,
]

export const REFUSED: readonly RefusedVector[] = [
  {
    id: 'refused.1',
    what: 'a forged token in the query',
    target: '/v1/ws?token=a.b.c',
  },
  {
    id: 'refused.2',
    what: 'a forged token in the header',
    headers: { Authorization: 'Bearer a.b.c' },
  },
  {
    id: 'refused.3',
    what: 'a forged token as subprotocol',
    headers: { 'Sec-WebSocket-Protocol': 'tidewire.v1.json, bearer.a.b.c' },
  },
  {
    id: 'refused.4',
    what: 'an Authorization header of another scheme',
    headers: { Authorization: 'Basic YTpi' },
  },
  {
    id: 'refused.5',
    what: 'an empty token',
    target: '/v1/ws?token=',
  },
  {
    id: 'refused.6',
    what: 'a server key that the server does not know',
    headers: { Authorization: 'Bearer tw_dev_0000000000000000000000000000000000000000000' },
  },
]
