import { held, ISO_TIME, type Match, TEXT, UUIDV7 } from '../vocabulary.ts'

/** One request and its answer (PROTOCOL.md §8). `$name` stands for values of the run, as in a conversation. */
export interface HttpVector {
  id: string
  what: string
  /** Method and target. */
  request: string
  /** What authorises it. Default: ada's token. */
  as?: 'ada' | 'server' | 'nobody'
  headers?: Readonly<Record<string, string>>
  /** JSON, or text that is none. */
  body?: object | string
  /** Sends the body without saying how long it is. */
  chunked?: true
  /** Publications that `$chat` holds before. */
  holds?: number
  expect: HttpAnswer
  behindProxy?: { expect: HttpAnswer; because: string }
}

export interface HttpAnswer {
  status: number
  /** Of the error that the body is. */
  code?: number
  body?: Match
  /** `undefined`: must not be there. */
  headers?: Readonly<Record<string, unknown>>
}

export const bad: HttpAnswer = { status: 400, code: 4009 }
export const missing: HttpAnswer = { status: 404, code: 4012 }
const unauthenticated: HttpAnswer = {
  status: 401,
  code: 4001,
  headers: { 'www-authenticate': 'Bearer' },
}
export const refusedToken: HttpAnswer = { ...unauthenticated, code: 4002 }
const forbidden: HttpAnswer = { status: 403, code: 4011 }
export const notAllowed = (allow: unknown): HttpAnswer => ({
  status: 405,
  code: 4009,
  headers: { allow },
})

export const PUBLICATIONS = '/v1/channels/$chat/publications'
const hi = { type: 'message', payload: { content: 'hi' } }
const long = (length: number): string => 'x'.repeat(length)

const PLAIN: HttpVector[] = [
  {
    id: 'health.1',
    what: 'alive',
    request: 'GET /health',
    as: 'nobody',
    expect: { status: 200, body: { status: 'ok' } },
  },
  {
    id: 'health.2',
    what: 'is only read',
    request: 'POST /health',
    as: 'nobody',
    expect: notAllowed('GET'),
  },
  {
    id: 'ready.1',
    what: 'ready',
    request: 'GET /ready',
    as: 'nobody',
    expect: { status: 200, body: { status: 'ready' } },
  },
  {
    id: 'openapi.1',
    what: 'the description of it all',
    request: 'GET /openapi.json',
    as: 'nobody',
    expect: {
      status: 200,
      body: {
        openapi: TEXT,
        paths: {
          '/v1/channels/{channel}/publications': { get: {}, post: {} },
          '/v1/publications': { post: {} },
          '/v1/sse': { get: {} },
          '/v1/poll': { get: {} },
          '/v1/users/{user}/call': { post: {} },
          '/v1/users/{user}/disconnect': { post: {} },
          '/v1/tokens/revoke': { post: {} },
          '/health': {},
          '/ready': {},
        },
      },
    },
  },
  { id: 'nowhere.1', what: 'an address of nothing', request: 'GET /v1/nowhere', expect: missing },
  {
    id: 'nowhere.2',
    what: 'an address of nothing, posted to',
    request: 'POST /nowhere',
    body: {},
    expect: missing,
  },
  {
    id: 'metrics.1',
    what: 'not on the public port',
    request: 'GET /metrics',
    as: 'nobody',
    expect: missing,
  },
  {
    id: 'dev.1',
    what: 'a token',
    request: 'POST /v1/dev/token',
    as: 'nobody',
    body: { user: 'eve' },
    expect: { status: 200, body: { token: TEXT, expires_at: ISO_TIME } },
  },
  {
    id: 'dev.2',
    what: 'a token of nobody',
    request: 'POST /v1/dev/token',
    as: 'nobody',
    body: {},
    expect: bad,
  },
  {
    id: 'dev.3',
    what: 'a token of a number',
    request: 'POST /v1/dev/token',
    as: 'nobody',
    body: { user: 7 },
    expect: bad,
  },
  {
    id: 'dev.4',
    what: 'only by POST',
    request: 'GET /v1/dev/token',
    as: 'nobody',
    expect: notAllowed('POST'),
  },
]

const TOKENS: HttpVector[] = [
  ...[
    'GET /v1/channels/$chat/publications',
    'POST /v1/channels/$chat/publications',
    'POST /v1/publications',
    'POST /v1/users/ada/call',
    'POST /v1/users/ada/disconnect',
    'POST /v1/tokens/revoke',
    'GET /v1/sse?channel=$chat',
    'GET /v1/poll?channel=$chat',
  ].map((request): HttpVector => ({
    id: `anonymous ${request}`,
    what: 'needs a token',
    request,
    as: 'nobody',
    expect: unauthenticated,
  })),
  ...['Bearer', 'Bearer a b', 'Basic YTpi', 'Bearer a.b.c', 'Bearer tw_dev_0000000000000000'].map(
    (authorization): HttpVector => ({
      id: `authorization "${authorization}"`,
      what: 'is no token',
      request: `GET ${PUBLICATIONS}`,
      as: 'nobody',
      headers: { authorization },
      expect: refusedToken,
    }),
  ),
  {
    id: 'token.query',
    what: 'a token in the query counts only where no header can be set',
    request: `GET ${PUBLICATIONS}?token=$ada`,
    as: 'nobody',
    expect: unauthenticated,
  },
  ...['POST /v1/users/bob/call', 'POST /v1/users/bob/disconnect', 'POST /v1/tokens/revoke'].map(
    (request): HttpVector => ({
      id: `user ${request}`,
      what: 'needs a server key',
      request,
      body: request.endsWith('call') ? { method: 'm' } : { user: 'bob' },
      expect: forbidden,
    }),
  ),
]

const receipt = (offset: number, duplicate = false): Match => ({
  epoch: TEXT,
  offset,
  message_id: TEXT,
  duplicate,
})
const publishing = (
  id: string,
  what: string,
  body: object | string,
  expect: HttpAnswer,
): HttpVector => ({
  id,
  what,
  request: `POST ${PUBLICATIONS}`,
  body,
  expect,
})

const PUBLISH: HttpVector[] = [
  publishing('publish.1', 'an event', hi, {
    status: 201,
    body: { ...receipt(1), message_id: UUIDV7 },
  }),
  publishing('publish.2', 'an event without a payload', { type: 'message' }, { status: 201 }),
  {
    ...publishing('publish.3', 'an event again', held(1), { status: 200, body: receipt(1, true) }),
    holds: 1,
  },
  {
    ...publishing(
      'publish.4',
      'another event with the same identity',
      { ...held(2), message_id: 'held-1' },
      { status: 409, code: 4013 },
    ),
    holds: 1,
  },
  {
    ...publishing('publish.5', 'an event to a channel without a log', hi, {
      status: 201,
      body: { epoch: undefined, offset: undefined, message_id: UUIDV7, duplicate: false },
    }),
    request: 'POST /v1/channels/$signal/publications',
  },
  {
    ...publishing('publish.6', 'as a backend', hi, { status: 201, body: receipt(1) }),
    as: 'server',
  },
  {
    ...publishing('publish.7', 'to a name that is percent-encoded', hi, { status: 201 }),
    request: 'POST /v1/channels/chat%3A$id/publications',
  },
  {
    ...publishing('publish.8', 'to a name with slashes that are encoded', hi, { status: 201 }),
    request: 'POST /v1/channels/chat:a%2Fb%2F$id/publications',
    behindProxy: {
      expect: { status: 201 },
      because: 'without a path in proxy_pass the address goes on as it came',
    },
  },
  publishing('publish.9', 'text that is no JSON', '{"type":', bad),
  publishing('publish.10', 'nothing', '', bad),
  publishing('publish.11', 'a list', [hi], bad),
  publishing('publish.12', 'null', 'null', bad),
  publishing('publish.13', 'no type', { payload: {} }, bad),
  publishing('publish.14', 'a type that is no name', { ...hi, type: 'Not a name' }, bad),
  publishing('publish.15', 'a type of the protocol', { ...hi, type: 'subscribed' }, bad),
  publishing('publish.16', 'a payload that is a list', { ...hi, payload: [] }, bad),
  publishing('publish.17', 'a payload that is null', { ...hi, payload: null }, bad),
  publishing('publish.18', 'a message_id that is empty', { ...hi, message_id: '' }, bad),
  publishing('publish.19', 'a message_id of 129 characters', { ...hi, message_id: long(129) }, bad),
  publishing('publish.20', 'a message_id that is a number', { ...hi, message_id: 1 }, bad),
  publishing('publish.21', 'a field that nobody knows', { ...hi, metadata: {} }, bad),
  publishing(
    'publish.22',
    'a payload 66 levels deep',
    `{"type":"message","payload":{"a":${'['.repeat(65)}${']'.repeat(65)}}}`,
    bad,
  ),
  publishing(
    'publish.23',
    '1,001 keys',
    { ...hi, payload: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`k${i}`, 0])) },
    bad,
  ),
  publishing(
    'publish.24',
    '200,000 bytes',
    { ...hi, payload: { text: long(200_000) } },
    { status: 413, code: 4005 },
  ),
  {
    ...publishing(
      'publish.25',
      '200,000 bytes in chunks',
      { ...hi, payload: { text: long(200_000) } },
      { status: 413, code: 4005 },
    ),
    chunked: true,
  },
  {
    ...publishing(
      'publish.26',
      '2 MB',
      { ...hi, payload: { text: long(2_000_000) } },
      { status: 413, code: 4005 },
    ),
    behindProxy: { expect: { status: 413 }, because: 'nginx takes bodies of 1 MB by default' },
  },
  {
    ...publishing('publish.27', 'to an unknown namespace', hi, missing),
    request: 'POST /v1/channels/nowhere:a/publications',
  },
  {
    ...publishing('publish.28', 'to what is no channel', hi, bad),
    request: 'POST /v1/channels/chat/publications',
  },
  {
    ...publishing('publish.29', 'to half a percent sign', hi, bad),
    request: 'POST /v1/channels/chat:%E0%A4%A/publications',
    behindProxy: { expect: { status: 400 }, because: 'nginx decodes the path itself' },
  },
  {
    id: 'publish.30',
    what: 'only by POST',
    request: `PUT ${PUBLICATIONS}`,
    body: hi,
    expect: notAllowed('GET, POST'),
  },
  {
    id: 'publish.31',
    what: 'not by DELETE',
    request: `DELETE ${PUBLICATIONS}`,
    expect: notAllowed('GET, POST'),
  },
]

const MANY: HttpVector[] = [
  {
    id: 'many.1',
    what: 'one result a channel, in order, refusals among them',
    request: 'POST /v1/publications',
    body: { ...hi, channels: ['$chat', 'nowhere:a', '$signal'], message_id: 'm' },
    expect: {
      status: 200,
      body: {
        results: [
          { channel: '$chat', ...receipt(1) },
          { channel: 'nowhere:a', error: { code: 4012, reason: 'not_found', temporary: false } },
          { channel: '$signal', message_id: 'm', duplicate: false, offset: undefined },
        ],
      },
    },
  },
  {
    id: 'many.2',
    what: 'no channels',
    request: 'POST /v1/publications',
    body: { ...hi, channels: [] },
    expect: bad,
  },
  {
    id: 'many.3',
    what: 'channels that are no list',
    request: 'POST /v1/publications',
    body: { ...hi, channels: '$chat' },
    expect: bad,
  },
  {
    id: 'many.4',
    what: 'a channel that is none',
    request: 'POST /v1/publications',
    body: { ...hi, channels: ['$chat', 'x'] },
    expect: bad,
  },
  {
    id: 'many.5',
    what: '101 channels',
    request: 'POST /v1/publications',
    body: { ...hi, channels: Array.from({ length: 101 }, (_, i) => `live:many-${i}`) },
    expect: bad,
  },
  {
    id: 'many.6',
    what: 'only by POST',
    request: 'GET /v1/publications',
    expect: notAllowed('POST'),
  },
]

export const HTTP_WRITES: readonly HttpVector[] = [...PLAIN, ...TOKENS, ...PUBLISH, ...MANY]
