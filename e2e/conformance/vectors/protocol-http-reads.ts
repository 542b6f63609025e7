import {
  bad,
  type HttpAnswer,
  type HttpVector,
  missing,
  notAllowed,
  PUBLICATIONS,
  refusedToken,
} from './protocol-http.ts'
import { ISO_TIME, type Match, NUMBER, TEXT } from '../vocabulary.ts'

const numbers = (...list: number[]): Match[] =>
  list.map((n) => ({ type: 'message', payload: { n }, metadata: { offset: n, channel: '$chat' } }))
const reading = (query: string, expect: HttpAnswer, holds = 3): HttpVector => ({
  id: `history of ${holds}${query}`,
  what: 'a page',
  request: `GET ${PUBLICATIONS}${query}`,
  holds,
  expect,
})

const HISTORY: HttpVector[] = [
  reading('', {
    status: 200,
    body: {
      channel: '$chat',
      epoch: TEXT,
      oldest: 1,
      newest: 3,
      publications: numbers(1, 2, 3),
      more: false,
    },
  }),
  reading('', { status: 200, body: { newest: 0, publications: [], more: false } }, 0),
  reading('?limit=2', { status: 200, body: { publications: numbers(2, 3), more: true } }),
  reading('?after=1', { status: 200, body: { publications: numbers(2, 3), more: false } }),
  reading('?after=0&limit=1', { status: 200, body: { publications: numbers(1), more: true } }),
  reading('?before=3', { status: 200, body: { publications: numbers(1, 2), more: false } }),
  reading('?epoch=another', { status: 409, code: 4013 }),
  ...[
    '?limit=0',
    '?limit=501',
    '?limit=abc',
    '?limit=',
    '?limit=1.5',
    '?after=-1',
    '?before=x',
    '?nonsense=1',
    '?epoch=another&limit=0',
  ].map((query) => reading(query, bad, 0)),
]

const USERS: HttpVector[] = [
  {
    id: 'call.1',
    what: 'of a user who is not connected',
    request: 'POST /v1/users/$id/call',
    as: 'server',
    body: { method: 'm', args: {}, timeout_ms: 100 },
    expect: missing,
  },
  {
    id: 'call.2',
    what: 'without a method',
    request: 'POST /v1/users/$id/call',
    as: 'server',
    body: {},
    expect: bad,
  },
  {
    id: 'call.3',
    what: 'with no time',
    request: 'POST /v1/users/$id/call',
    as: 'server',
    body: { method: 'm', timeout_ms: 0 },
    expect: bad,
  },
  {
    id: 'call.4',
    what: 'with more than a minute',
    request: 'POST /v1/users/$id/call',
    as: 'server',
    body: { method: 'm', timeout_ms: 60_001 },
    expect: bad,
  },
  {
    id: 'disconnect.1',
    what: 'of a user who is not connected',
    request: 'POST /v1/users/$id/disconnect',
    as: 'server',
    expect: { status: 200, body: { disconnected: 0 } },
  },
  {
    id: 'disconnect.2',
    what: 'only by POST',
    request: 'GET /v1/users/$id/disconnect',
    as: 'server',
    expect: notAllowed('POST'),
  },
  {
    id: 'revoke.1',
    what: 'of a token that nobody uses',
    request: 'POST /v1/tokens/revoke',
    as: 'server',
    body: { token_id: '$id' },
    expect: { status: 200, body: { disconnected: 0 } },
  },
  {
    id: 'revoke.2',
    what: 'of neither a user nor a token',
    request: 'POST /v1/tokens/revoke',
    as: 'server',
    body: {},
    expect: bad,
  },
  {
    id: 'revoke.3',
    what: 'of both',
    request: 'POST /v1/tokens/revoke',
    as: 'server',
    body: { user: '$id', token_id: 'x' },
    expect: bad,
  },
]

const stream = (path: 'sse' | 'poll'): HttpVector[] => [
  {
    id: `${path}.2`,
    what: 'what is no channel',
    request: `GET /v1/${path}?channel=chat`,
    expect: bad,
  },
  {
    id: `${path}.3`,
    what: 'an unknown namespace',
    request: `GET /v1/${path}?channel=nowhere:a`,
    expect: missing,
  },
  {
    id: `${path}.4`,
    what: 'a channel beside an unknown namespace',
    request: `GET /v1/${path}?channel=$chat&channel=nowhere:a`,
    expect: missing,
  },
  {
    id: `${path}.5`,
    what: '`last` that is no number',
    request: `GET /v1/${path}?channel=$chat&last=x`,
    expect: bad,
  },
  {
    id: `${path}.6`,
    what: '`last` above 1,000',
    request: `GET /v1/${path}?channel=$chat&last=1001`,
    expect: bad,
  },
  ...['garbage', '1~', '1~$chat~e', '1~$chat~e~-1', '2~$chat~e~1', '1~$chat~e~1~$chat~e~2'].map(
    (cursor): HttpVector => ({
      id: `${path} cursor "${cursor}"`,
      what: 'cannot be read',
      request: `GET /v1/${path}?channel=$chat&cursor=${encodeURIComponent(cursor).replaceAll('%24', '$')}`,
      expect: bad,
    }),
  ),
  {
    id: `${path}.7`,
    what: 'only by GET',
    request: `POST /v1/${path}?channel=$chat`,
    expect: notAllowed('GET'),
  },
  {
    id: `${path}.8`,
    what: 'a token that is none, in the query',
    request: `GET /v1/${path}?channel=$chat&token=a.b.c`,
    as: 'nobody',
    expect: refusedToken,
  },
]

const cursorOf = (status: number, body?: Match): HttpAnswer => ({
  status,
  headers: { 'tidewire-cursor': TEXT, 'cache-control': 'no-store' },
  ...(body === undefined ? {} : { body }),
})
const POLL: HttpVector[] = [
  { id: 'sse.1', what: 'no channel', request: 'GET /v1/sse', expect: bad },
  {
    id: 'poll.1',
    what: 'no channel: an empty cursor',
    request: 'GET /v1/poll',
    expect: cursorOf(200, { cursor: TEXT, publications: [], resets: [] }),
  },
  {
    id: 'poll.9',
    what: 'without a cursor: the one of now, at once',
    request: 'GET /v1/poll?channel=$chat',
    holds: 2,
    expect: cursorOf(200, { cursor: '1~$chat~$epoch~2', publications: [], resets: [] }),
  },
  {
    id: 'poll.10',
    what: 'a token in the query counts',
    request: 'GET /v1/poll?channel=$chat&token=$ada',
    as: 'nobody',
    expect: cursorOf(200, { publications: [] }),
  },
  {
    id: 'poll.11',
    what: 'at the newest, without a wait: 204 and the cursor',
    request: 'GET /v1/poll?channel=$chat&cursor=1~$chat~$epoch~2&wait=0',
    holds: 2,
    expect: {
      status: 204,
      headers: { 'tidewire-cursor': '1~$chat~$epoch~2', 'content-type': undefined },
    },
  },
  {
    id: 'poll.12',
    what: 'at the newest, after the wait: 204',
    request: 'GET /v1/poll?channel=$chat&cursor=1~$chat~$epoch~2&wait=50',
    holds: 2,
    expect: cursorOf(204),
  },
  {
    id: 'poll.13',
    what: 'what was missed',
    request: 'GET /v1/poll?channel=$chat&cursor=1~$chat~$epoch~1&wait=0',
    holds: 3,
    expect: cursorOf(200, { cursor: '1~$chat~$epoch~3', publications: numbers(2, 3), resets: [] }),
  },
  {
    id: 'poll.14',
    what: 'the last two',
    request: 'GET /v1/poll?channel=$chat&last=2&wait=0',
    holds: 3,
    expect: cursorOf(200, { cursor: '1~$chat~$epoch~3', publications: numbers(2, 3) }),
  },
  {
    id: 'poll.15',
    what: 'a cursor of another epoch: a reset',
    request: 'GET /v1/poll?channel=$chat&cursor=1~$chat~another~1&wait=0',
    holds: 2,
    expect: cursorOf(200, {
      cursor: '1~$chat~$epoch~2',
      publications: [],
      resets: [{ channel: '$chat', epoch: '$epoch', offset: 2, reason: 'epoch_changed' }],
    }),
  },
  {
    id: 'poll.16',
    what: 'a cursor from the future: a reset',
    request: 'GET /v1/poll?channel=$chat&cursor=1~$chat~$epoch~9&wait=0',
    holds: 2,
    expect: cursorOf(200, { resets: [{ offset: 2, reason: 'epoch_changed' }] }),
  },
  {
    id: 'poll.17',
    what: '`wait` that is no number',
    request: 'GET /v1/poll?channel=$chat&wait=soon',
    expect: bad,
  },
  {
    id: 'poll.18',
    what: '`wait` below 0',
    request: 'GET /v1/poll?channel=$chat&wait=-1',
    expect: bad,
  },
  {
    id: 'poll.19',
    what: 'publications are whole envelopes',
    request: 'GET /v1/poll?channel=$chat&last=1&wait=0',
    holds: 1,
    expect: cursorOf(200, {
      publications: [
        {
          type: 'message',
          payload: { n: 1 },
          metadata: {
            message_id: 'held-1',
            timestamp: ISO_TIME,
            user: 'ada',
            channel: '$chat',
            offset: NUMBER,
          },
        },
      ],
    }),
  },
]

export const HTTP_READS: readonly HttpVector[] = [
  ...HISTORY,
  ...USERS,
  ...stream('sse'),
  ...stream('poll'),
  ...POLL,
]
