import { held } from '../vocabulary.ts'

/** An event stream (WHATWG HTML §9.2) as bytes: the blocks between empty lines, each as it must be. */
export interface SseVector {
  id: string
  what: string
  query: string
  lastEventId?: string
  /** Publications that `$chat` holds before. */
  holds: number
  /** Sent to `$chat` when the stream is open. */
  thenPublishes?: number
  /** The blocks behind `retry:` and `connection_established`, which open every stream. */
  expect: readonly Block[]
}

export interface Block {
  event: string
  /** `undefined`: no `id` line. */
  id?: string
  /** What `data` must hold. */
  data: object
}

const subscribed = (
  offset: number,
  recovered: boolean,
  id = `1~$chat~$epoch~${offset}`,
): Block => ({
  event: 'subscribed',
  id,
  data: { type: 'subscribed', payload: { channel: '$chat', epoch: '$epoch', offset, recovered } },
})
const message = (n: number, id = `1~$chat~$epoch~${n}`): Block => ({
  event: 'message',
  id,
  data: {
    type: 'message',
    payload: held(n).payload,
    metadata: { channel: '$chat', offset: n, message_id: held(n).message_id, user: 'ada' },
  },
})
const reset = (offset: number, reason: string): Block => ({
  event: 'reset',
  id: `1~$chat~$epoch~${offset}`,
  data: { type: 'reset', payload: { channel: '$chat', epoch: '$epoch', offset, reason } },
})

export const SSE: readonly SseVector[] = [
  {
    id: 'sse.stream.1',
    what: 'a fresh stream begins now, and brings what comes',
    query: 'channel=$chat',
    holds: 1,
    thenPublishes: 2,
    expect: [subscribed(1, false), message(2), message(3)],
  },
  {
    id: 'sse.stream.2',
    what: '`last` brings the newest',
    query: 'channel=$chat&last=1',
    holds: 2,
    expect: [subscribed(1, false), message(2)],
  },
  {
    id: 'sse.stream.3',
    what: '`Last-Event-ID` brings what was missed',
    query: 'channel=$chat',
    lastEventId: '1~$chat~$epoch~1',
    holds: 3,
    expect: [subscribed(1, true), message(2), message(3)],
  },
  {
    id: 'sse.stream.4',
    what: '`cursor` does the same',
    query: 'channel=$chat&cursor=1~$chat~$epoch~2',
    holds: 3,
    expect: [subscribed(2, true), message(3)],
  },
  {
    id: 'sse.stream.5',
    what: '`Last-Event-ID` goes before the `cursor` of an old address',
    query: 'channel=$chat&cursor=1~$chat~$epoch~0',
    lastEventId: '1~$chat~$epoch~2',
    holds: 3,
    expect: [subscribed(2, true), message(3)],
  },
  {
    id: 'sse.stream.6',
    what: 'an empty `Last-Event-ID` is none',
    query: 'channel=$chat',
    lastEventId: '',
    holds: 1,
    expect: [subscribed(1, false)],
  },
  {
    id: 'sse.stream.7',
    what: 'a cursor of another epoch is a hole, and a hole is a `reset`',
    query: 'channel=$chat',
    lastEventId: '1~$chat~another~1',
    holds: 2,
    thenPublishes: 1,
    expect: [subscribed(2, false), reset(2, 'epoch_changed'), message(3)],
  },
  {
    id: 'sse.stream.8',
    what: 'of two channels the cursor holds both',
    query: 'channel=$live&channel=$chat',
    holds: 0,
    thenPublishes: 1,
    expect: [
      {
        event: 'subscribed',
        id: '1~$live~$liveEpoch~0',
        data: { payload: { channel: '$live', offset: 0 } },
      },
      subscribed(0, false, '1~$live~$liveEpoch~0~$chat~$epoch~0'),
      message(1, '1~$live~$liveEpoch~0~$chat~$epoch~1'),
    ],
  },
  {
    id: 'sse.stream.9',
    what: 'a channel without a log has no ids',
    query: 'channel=$signal',
    holds: 0,
    expect: [{ event: 'subscribed', data: { payload: { channel: '$signal', recovered: false } } }],
  },
]
