/** A request that wants to become a WebSocket, and its answer. */
export interface HandshakeVector {
  id: string
  what: string
  method?: string
  version?: 'HTTP/1.0'
  /** Over those of a good handshake; `undefined` leaves one out. */
  headers?: Readonly<Record<string, string | undefined>>
  expect: HandshakeAnswer
  /** Where the proxy answers by itself. */
  behindProxy?: { expect: HandshakeAnswer; because: string }
}

export interface HandshakeAnswer {
  /** Of several, any. */
  status: number | readonly number[]
  /** Lower-case names; `undefined`: the header must not be there. */
  headers?: Readonly<Record<string, string | undefined>>
}

const NO_EXTENSIONS: HandshakeAnswer = {
  status: 101,
  headers: { 'sec-websocket-extensions': undefined },
}
const REFUSED: HandshakeAnswer = { status: 400 }

const key = (value: string | undefined) => ({ 'Sec-WebSocket-Key': value })
const version = (value: string | undefined) => ({ 'Sec-WebSocket-Version': value })
const protocol = (value: string) => ({ 'Sec-WebSocket-Protocol': value })

/** nginx takes 8 KiB a header line by default. */
const LINE_TOO_LONG = { expect: REFUSED, because: 'the line is longer than nginx takes' }

const manyHeaders = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, '1']))

const GENERAL: HandshakeVector[] = [
  {
    id: 'handshake.1',
    what: 'the example of RFC 6455 §1.3 gets its accept value',
    headers: key('dGhlIHNhbXBsZSBub25jZQ=='),
    expect: {
      status: 101,
      headers: {
        upgrade: 'websocket',
        connection: 'upgrade',
        'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
      },
    },
  },
  {
    id: 'handshake.2',
    what: 'words in another case, and among others, count',
    headers: { Upgrade: 'WebSocket', Connection: 'keep-alive, UPGRADE' },
    expect: { status: 101 },
  },
  { id: 'handshake.3', what: 'no key', headers: key(undefined), expect: REFUSED },
  { id: 'handshake.4', what: 'an empty key', headers: key(''), expect: REFUSED },
  {
    id: 'handshake.5',
    what: 'a key of 15 bytes',
    headers: key('AAAAAAAAAAAAAAAAAAAA'),
    expect: REFUSED,
  },
  {
    id: 'handshake.6',
    what: 'a key that is no base64',
    headers: key('§§§§§§§§§§§§§§§§§§§§§§=='),
    expect: REFUSED,
  },
  {
    id: 'handshake.7',
    what: 'version 12 is told which ones there are',
    headers: version('12'),
    expect: { status: 400, headers: { 'sec-websocket-version': '13, 8' } },
  },
  { id: 'handshake.8', what: 'no version', headers: version(undefined), expect: REFUSED },
  {
    id: 'handshake.9',
    what: 'a version that is no number',
    headers: version('13abc'),
    expect: REFUSED,
  },
  { id: 'handshake.10', what: 'a POST', method: 'POST', expect: { status: 405 } },
  { id: 'handshake.11', what: 'a PUT', method: 'PUT', expect: { status: 405 } },
  {
    id: 'handshake.12',
    what: 'an upgrade to something else',
    headers: { Upgrade: 'h2c' },
    // A server may ignore what it does not upgrade to (RFC 9110 §7.8); what is left is a plain GET.
    expect: { status: 426, headers: { upgrade: 'websocket' } },
  },
  {
    id: 'handshake.13',
    what: 'no wish to upgrade is told of it',
    headers: { Upgrade: undefined, Connection: 'keep-alive' },
    expect: { status: 426, headers: { upgrade: 'websocket' } },
  },
  { id: 'handshake.14', what: 'no Host', headers: { Host: undefined }, expect: REFUSED },
  {
    id: 'handshake.15',
    what: '90 headers',
    headers: manyHeaders(90),
    expect: { status: 101 },
  },
  {
    id: 'handshake.18',
    what: '900 headers, which are more than anyone needs',
    headers: manyHeaders(900),
    expect: { status: 431 },
  },
  {
    id: 'handshake.17',
    what: '1,200 headers, which are more than Node takes, are survived',
    headers: manyHeaders(1200),
    expect: { status: 431 },
    behindProxy: {
      expect: { status: [400, 431] },
      because: 'later versions of nginx count headers, too',
    },
  },
  {
    id: 'handshake.16',
    what: 'headers of 20,000 bytes',
    headers: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`x${i}`, 'y'.repeat(1000)])),
    expect: { status: 431 },
  },
]

const SUBPROTOCOL: HandshakeVector[] = [
  {
    id: 'subprotocol.1',
    what: 'a subprotocol header of 12,000 spaces, without a stall',
    headers: protocol(`a${' '.repeat(12_000)}b`),
    expect: REFUSED,
    behindProxy: LINE_TOO_LONG,
  },
  { id: 'subprotocol.2', what: 'an empty subprotocol', headers: protocol('a,,b'), expect: REFUSED },
  { id: 'subprotocol.3', what: 'a subprotocol twice', headers: protocol('a, a'), expect: REFUSED },
  {
    id: 'subprotocol.4',
    what: 'a subprotocol that is no token',
    headers: protocol('a b'),
    expect: REFUSED,
  },
]

// RFC 7692: a server without permessage-deflate ignores every offer of it, the wrong ones, too.
const OFFERS: [what: string, offer: string][] = [
  ['permessage-deflate', 'permessage-deflate'],
  [
    'permessage-deflate with its parameters',
    'permessage-deflate; client_max_window_bits; server_max_window_bits=10',
  ],
  ['a parameter twice', 'permessage-deflate; server_max_window_bits=10; server_max_window_bits=11'],
  ['a window of 7 bits', 'permessage-deflate; server_max_window_bits=7'],
  ['a window of 16 bits', 'permessage-deflate; client_max_window_bits=16'],
  ['a window that is no number', 'permessage-deflate; client_max_window_bits=abc'],
  ['an unknown parameter', 'permessage-deflate; unknown=1'],
  ['an unknown extension', 'x-unknown; a=b'],
  ['__proto__', '__proto__'],
  ['__proto__ with constructor', '__proto__; constructor=1, permessage-deflate; __proto__'],
  ['an extension that is no token', 'permessage deflate;;;=,'],
]

const EXTENSIONS: HandshakeVector[] = [
  ...OFFERS.map(([what, offer], i): HandshakeVector => ({
    id: `extension.${i + 1}`,
    what: `an offer of ${what} is ignored`,
    headers: { 'Sec-WebSocket-Extensions': offer },
    expect: NO_EXTENSIONS,
  })),
  {
    id: 'extension.12',
    what: 'an offer with 12,000 spaces is ignored, without a stall',
    headers: { 'Sec-WebSocket-Extensions': `permessage-deflate;${' '.repeat(12_000)}x` },
    expect: NO_EXTENSIONS,
    behindProxy: LINE_TOO_LONG,
  },
]

export const HANDSHAKES: readonly HandshakeVector[] = [...GENERAL, ...SUBPROTOCOL, ...EXTENSIONS]
