import {
  type Act,
  asked,
  bare,
  type ClientVector,
  GREETS,
  message,
  NETWORK,
  raw,
  serves,
  STREAMS,
  subscribed,
  after,
  unmasked,
} from './client-acts.ts'
import { OPCODE, text } from '../wire.ts'

const MALFORMED: ClientVector[] = [
  ...(
    [
      ['json', 'text that is no JSON', raw('{"type":')],
      ['list', 'a list', raw('[]')],
      ['null', 'null', raw('null')],
      ['empty', 'an empty text', raw('')],
      ['no-type', 'an envelope without a type', raw('{"payload":{}}')],
      ['type', 'a type that is a number', raw('{"type":7}')],
    ] as [string, string, Act][]
  ).map(([id, what, act]): ClientVector => ({
    id: `envelope.${id}`,
    what,
    calls: after(act),
    lost: ['bad_envelope'],
  })),
  ...(
    [
      ['unknown', 'a type that nobody knows', raw('{"type":"dance","payload":{}}')],
      ['bare', 'nothing but a type', raw('{"type":"dance"}')],
      ['pong', 'a pong that nobody asked for', raw('{"type":"pong"}')],
      ['greeting', 'a second greeting', GREETS],
      [
        'auth',
        'an `auth_response` that nobody asked for',
        raw('{"type":"auth_response","payload":{"status":"ok","user":"eve"}}'),
      ],
      [
        'expiring',
        'an end of a token that is no time',
        raw('{"type":"auth_expiring","payload":{"expires_at":"soon"}}'),
      ],
      [
        'shutdown',
        'a shutdown that says no time',
        raw('{"type":"server_shutdown","payload":{"reconnect_in_ms":"soon"}}'),
      ],
      ['call', 'a call without a method', raw('{"type":"call","payload":{}}')],
      [
        'ack',
        'an ack of what was never published',
        raw(
          '{"type":"ack","payload":{"channel":"chat:a","offset":9},"metadata":{"correlation_id":"nobody"}}',
        ),
      ],
      ['ack-bare', 'an ack of nothing', raw('{"type":"ack","payload":{}}')],
      [
        'history',
        'a history that nobody asked for',
        raw(
          '{"type":"history","payload":{"channel":"chat:a","publications":[{"offset":2}]},"metadata":{"correlation_id":"nobody"}}',
        ),
      ],
      [
        'subscribed',
        'an answer to no `subscribe`',
        raw(
          '{"type":"subscribed","payload":{"channel":"chat:a","epoch":"e9","offset":99,"recovered":false},"metadata":{"correlation_id":"nobody"}}',
        ),
      ],
      ['subscribed-bare', 'a `subscribed` of nothing', raw('{"type":"subscribed","payload":{}}')],
      [
        'unsubscribed',
        'the end of a channel that was never subscribed',
        raw('{"type":"unsubscribed","payload":{"channel":"chat:other"}}'),
      ],
      [
        'unsubscribed-bare',
        'an `unsubscribed` of nothing',
        raw('{"type":"unsubscribed","payload":{}}'),
      ],
      [
        'reset',
        'a `reset` of a channel that was never subscribed',
        raw(
          '{"type":"reset","payload":{"channel":"chat:other","epoch":"e9","offset":99,"reason":"expired"}}',
        ),
      ],
      ['reset-bare', 'a `reset` of nothing', raw('{"type":"reset","payload":{}}')],
      [
        'stranger',
        'a publication of a channel that was never subscribed',
        raw('{"type":"message","payload":{"n":99},"metadata":{"channel":"chat:other","offset":1}}'),
      ],
      [
        'proto',
        'a publication of `__proto__`',
        raw('{"type":"message","payload":{},"metadata":{"channel":"__proto__","offset":1}}'),
      ],
    ] as [string, string, Act][]
  ).map(([id, what, act]): ClientVector => ({
    id: `ignored.${id}`,
    what: `${what} changes nothing`,
    calls: after(act, serves),
  })),
  {
    id: 'error.stranger',
    what: 'an error that answers nothing is told to the app',
    calls: after(
      raw(
        '{"type":"error","payload":{"code":4011,"reason":"forbidden","message":"No.","temporary":false},"metadata":{"correlation_id":"nobody"}}',
      ),
      serves,
    ),
    errors: ['forbidden'],
  },
  {
    id: 'error.unknown',
    what: 'an error with a code that nobody knows is told to the app',
    calls: after(raw('{"type":"error","payload":{"code":4999}}'), serves),
    errors: ['unknown_error'],
  },
]

const EARLY: ClientVector[] = [
  {
    id: 'early.1',
    what: 'publications before the greeting are not the stream',
    calls: [[{ upgrades: {} }, message(1), message(2), message(9), GREETS, serves]],
  },
  {
    id: 'early.2',
    what: '`subscribed` before the greeting answers nothing',
    calls: [
      [
        { upgrades: {} },
        raw(
          '{"type":"subscribed","payload":{"channel":"chat:a","epoch":"e1","offset":9,"recovered":true}}',
        ),
        GREETS,
        serves,
      ],
    ],
  },
  {
    id: 'early.3',
    what: 'publications before `subscribed` are not the stream',
    calls: [[{ upgrades: {} }, GREETS, asked, message(1), message(2), subscribed(), serves]],
    delivered: [1, 2, 3, 4],
  },
  {
    id: 'early.4',
    what: '`auth_expiring` before the greeting does no harm',
    calls: [
      [
        { upgrades: {} },
        raw('{"type":"auth_expiring","payload":{"expires_at":"2026-01-01T00:00:00.000Z"}}'),
        GREETS,
        serves,
      ],
    ],
  },
]

const STREAM: ClientVector[] = [
  {
    id: 'stream.duplicates',
    what: 'what comes twice is handed over once',
    calls: after(message(1), message(2), message(2), message(1), message(3), message(2), serves),
  },
  {
    id: 'stream.gap',
    what: 'a gap is asked for, and healed',
    calls: after(message(3), asked, serves),
  },
  {
    id: 'stream.gap-once-more',
    what: 'a gap that is answered with another one is asked for again',
    calls: after(message(3), asked, subscribed({ offset: 1 }), message(3), asked, serves),
  },
  {
    id: 'stream.gap-for-ever',
    what: 'a gap that the server never heals is told',
    calls: after(
      message(3),
      asked,
      subscribed({ offset: 1 }),
      message(3),
      asked,
      subscribed({ offset: 1 }),
      message(3),
      serves,
    ),
    delivered: [1, 3, 4],
    resets: [{ epoch: 'e1', offset: 2, reason: 'expired' }],
  },
  {
    id: 'stream.reset',
    what: 'a `reset` is told, and the stream goes on behind it',
    calls: after(
      { tells: 'reset', payload: { channel: 'chat:a', epoch: 'e1', offset: 2, reason: 'expired' } },
      message(3),
      serves,
    ),
    delivered: [1, 3, 4],
    resets: [{ epoch: 'e1', offset: 2, reason: 'expired' }],
  },
  {
    id: 'stream.reset-back',
    what: 'a `reset` to before what the app has brings nothing twice',
    calls: after(
      message(2),
      { tells: 'reset', payload: { channel: 'chat:a', epoch: 'e1', offset: 0, reason: 'expired' } },
      message(1),
      message(2),
      message(3),
      serves,
    ),
    resets: [{ epoch: 'e1', offset: 0, reason: 'expired' }],
  },
  {
    id: 'stream.not-recovered',
    what: 'a stream that does not go on is told as a hole',
    calls: [
      [
        { upgrades: {} },
        GREETS,
        asked,
        subscribed({ offset: 2, recovered: false, reason: 'expired' }),
        message(3),
        serves,
      ],
    ],
    delivered: [3, 4],
    resets: [{ epoch: 'e1', offset: 2, reason: 'expired' }],
  },
  {
    id: 'stream.lying',
    what: 'a recovery that begins too late is a hole, whatever it says of itself',
    calls: [
      [
        { upgrades: {} },
        GREETS,
        asked,
        subscribed({ offset: 2, recovered: true }),
        message(3),
        serves,
      ],
    ],
    delivered: [3, 4],
    resets: [{ epoch: 'e1', offset: 2, reason: 'expired' }],
  },
  {
    id: 'stream.epoch',
    what: 'a recovery in another epoch is a hole, whatever it says of itself',
    calls: [
      [...STREAMS, { falls: 'ends' }],
      [
        { upgrades: {} },
        GREETS,
        asked,
        subscribed({ epoch: 'e2', offset: 1 }),
        message(2),
        message(3),
        serves,
      ],
    ],
    ...NETWORK,
    resets: [{ epoch: 'e2', offset: 1, reason: 'epoch_changed' }],
  },
  {
    id: 'stream.earlier',
    what: 'a recovery that begins too early brings nothing twice',
    calls: [
      [...STREAMS, message(2), { falls: 'ends' }],
      [
        { upgrades: {} },
        GREETS,
        asked,
        subscribed({ offset: 0 }),
        message(1),
        message(2),
        message(3),
        serves,
      ],
    ],
    ...NETWORK,
  },
  {
    id: 'stream.torn',
    what: 'a publication of which half came is not handed over',
    calls: [
      [
        ...STREAMS,
        {
          sends: text(
            { type: 'message', payload: { n: 2 }, metadata: { channel: 'chat:a', offset: 2 } },
            unmasked,
          ).subarray(0, 40),
        },
        { falls: 'ends' },
      ],
    ],
    ...NETWORK,
  },
  {
    id: 'stream.fragments',
    what: 'a publication in fragments, a ping among them, is one',
    calls: after(
      bare(OPCODE.text, '{"type":"message","payload":{"n":2},', { fin: false }),
      bare(OPCODE.ping, 'between'),
      bare(OPCODE.continuation, '"metadata":{"channel":"chat:a","offset":2}}'),
      message(3),
      serves,
    ),
  },
  {
    id: 'stream.drops',
    what: 'connections that break one after the other lose and double nothing',
    calls: [
      [...STREAMS, { falls: 'resets' }],
      [{ upgrades: {} }, GREETS, asked, { falls: 'resets' }],
      [{ upgrades: {} }, GREETS, asked, subscribed({ offset: 1 }), { falls: 'ends' }],
      [{ upgrades: {} }, GREETS, asked, subscribed({ offset: 1 }), message(2), { falls: 'resets' }],
    ],
    lost: ['network', 'network', 'network', 'network'],
  },
]

const reset = (payload: object): Act => ({
  tells: 'reset',
  payload: { channel: 'chat:a', epoch: 'e1', offset: 2, reason: 'expired', ...payload },
})

const ends: Act = { falls: 'ends' }

// Whatever the client makes of a field that has no meaning: the app may be told of a hole, but must be handed nothing
// twice, nothing past a hole that it was not told of, and in the end what is new.
export const CLIENT_MISTYPED = (
  [
    ['subscribed.1', '`subscribed` without an offset', [subscribed({ offset: undefined })]],
    ['subscribed.2', '`subscribed` with an offset that is a text', [subscribed({ offset: '0' })]],
    ['subscribed.3', '`subscribed` with an offset below 0', [subscribed({ offset: -5 })]],
    ['subscribed.4', '`subscribed` with an epoch that is a number', [subscribed({ epoch: 7 })]],
    ['subscribed.5', '`subscribed` without an epoch', [subscribed({ epoch: undefined })]],
    [
      'reset.1',
      'a `reset` without an offset',
      [subscribed(), message(1), reset({ offset: undefined })],
    ],
    [
      'reset.2',
      'a `reset` to an offset that is a text',
      [subscribed(), message(1), reset({ offset: 'x' })],
    ],
    [
      'reset.3',
      'a `reset` without an epoch',
      [subscribed(), message(1), reset({ epoch: undefined })],
    ],
    [
      'reset.4',
      'a `reset` to an epoch that is null',
      [subscribed(), message(1), reset({ epoch: null })],
    ],
    [
      'offset.1',
      'an offset that is a text',
      [subscribed(), message(1), message(2, { offset: '2' })],
    ],
    ['offset.2', 'an offset between two', [subscribed(), message(1), message(2, { offset: 1.5 })]],
    [
      'offset.3',
      'an offset that is null',
      [subscribed(), message(1), message(2, { offset: null })],
    ],
    ['offset.4', 'an offset below 0', [subscribed(), message(1), message(2, { offset: -2 })]],
    [
      'offset.5',
      'an offset that is an object',
      [subscribed(), message(1), message(2, { offset: {} })],
    ],
  ] as [string, string, Act[]][]
).map(([id, what, acts]) => ({
  id: `mistyped.${id}`,
  what,
  calls: [[{ upgrades: {} }, GREETS, asked, ...acts, message(2), message(3), ends]],
}))

export const CLIENT_STREAM: readonly ClientVector[] = [...MALFORMED, ...EARLY, ...STREAM]
