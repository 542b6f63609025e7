import type { ProtocolVector } from './protocol-connection.ts'
import { ack, chat, delivery, holding, live, publish, signal, subscribe } from './protocol-steps.ts'
import { down, refused, TEXT, up } from '../vocabulary.ts'

const wrong = (what: string, payload: object): [string, object] => [what, payload]

const BAD_PAYLOADS: ProtocolVector[] = (
  [
    ['subscribe', ...wrong('without a channel', {})],
    ['subscribe', ...wrong('with a channel that is a list', { channel: ['$chat'] })],
    ['subscribe', ...wrong('with a channel that is none', { channel: 'chat' })],
    [
      'subscribe',
      ...wrong('with `since` and `last`', { ...chat, since: { epoch: 'e', offset: 0 }, last: 1 }),
    ],
    ['subscribe', ...wrong('with `since` that is a number', { ...chat, since: 7 })],
    ['subscribe', ...wrong('with `since` without an epoch', { ...chat, since: { offset: 7 } })],
    ['subscribe', ...wrong('with `since` below 0', { ...chat, since: { epoch: 'e', offset: -1 } })],
    [
      'subscribe',
      ...wrong('with `since` between two offsets', { ...chat, since: { epoch: 'e', offset: 1.5 } }),
    ],
    ['subscribe', ...wrong('with `last` below 0', { ...chat, last: -1 })],
    ['subscribe', ...wrong('with `last` above 1,000', { ...chat, last: 1001 })],
    ['subscribe', ...wrong('with `last` that is a text', { ...chat, last: '1' })],
    ['subscribe', ...wrong('with a mode that nobody knows', { ...chat, mode: 'some' })],
    [
      'subscribe',
      ...wrong('with an interval of 9 ms', { ...chat, mode: 'latest', interval_ms: 9 }),
    ],
    [
      'subscribe',
      ...wrong('with an interval above a minute', { ...chat, mode: 'latest', interval_ms: 60_001 }),
    ],
    ['unsubscribe', ...wrong('without a channel', {})],
    ['history', ...wrong('without a channel', {})],
    ['history', ...wrong('with a limit of 0', { ...chat, limit: 0 })],
    ['history', ...wrong('with a limit of 501', { ...chat, limit: 501 })],
    ['history', ...wrong('with `after` below 0', { ...chat, after: -1 })],
    ['history', ...wrong('with `before` that is a text', { ...chat, before: '1' })],
    ['history', ...wrong('with an empty epoch', { ...chat, epoch: '' })],
    ['result', ...wrong('with neither value nor error', {})],
    ['result', ...wrong('with value and error', { value: 1, error: 'no' })],
    ['auth', ...wrong('with a token that is a number', { token: 1 })],
  ] as [string, string, object][]
).map(([type, what, payload], i) => ({
  id: `payload.${i + 1}`,
  what: `\`${type}\` ${what} is 4009`,
  steps: [up(type, payload, { message_id: 'w' }), refused(4009, 'w')],
}))

const SUBSCRIBE: ProtocolVector[] = [
  {
    id: 'subscribe.1',
    what: 'is answered with where the stream starts',
    steps: [
      subscribe(),
      down(
        'subscribed',
        { ...chat, epoch: TEXT, offset: 0, recovered: false },
        { correlation_id: 's' },
      ),
    ],
  },
  {
    id: 'subscribe.unknown',
    what: 'with fields that nobody knows is as without them',
    steps: [
      subscribe({ ...chat, later: 1 }),
      down('subscribed', { ...chat, offset: 0 }, { correlation_id: 's' }),
    ],
  },
  {
    id: 'subscribe.2',
    what: 'to an unknown namespace is 4012',
    steps: [subscribe({ channel: 'nowhere:a' }), refused(4012, 's')],
  },
  {
    id: 'subscribe.3',
    what: 'twice is answered twice, and delivers once',
    steps: [
      subscribe(),
      down('subscribed'),
      subscribe(),
      down('subscribed'),
      publish(1),
      { downs: [ack(1), delivery(1)] },
    ],
  },
  {
    id: 'subscribe.4',
    what: 'to a channel without a log tells no epoch',
    steps: [
      subscribe(signal),
      down('subscribed', { channel: '$signal', epoch: undefined, offset: 0, recovered: false }),
    ],
  },
  {
    id: 'subscribe.5',
    what: 'to 129 channels: the last one is 4004, the others stay',
    steps: [
      ...Array.from({ length: 129 }, (_, i) =>
        up('subscribe', { channel: `$live-${i}` }, { message_id: `s${i}` }),
      ),
      {
        downs: [
          ...Array.from({ length: 128 }, () => ({ type: 'subscribed' })),
          { type: 'error', payload: { code: 4004 }, metadata: { correlation_id: 's128' } },
        ],
      },
      up('unsubscribe', { channel: '$live-0' }),
      down('unsubscribed', { channel: '$live-0' }),
      up('subscribe', { channel: '$live-128' }),
      down('subscribed', { channel: '$live-128' }),
    ],
  },
  {
    id: 'unsubscribe.1',
    what: 'from nothing is answered all the same',
    steps: [
      up('unsubscribe', chat, { message_id: 'u' }),
      down('unsubscribed', chat, { correlation_id: 'u' }),
    ],
  },
  {
    id: 'unsubscribe.2',
    what: 'ends the deliveries',
    steps: [
      subscribe(),
      down('subscribed'),
      up('unsubscribe', chat),
      down('unsubscribed'),
      publish(1),
      { down: ack(1) },
    ],
  },
  {
    id: 'latest.1',
    what: 'delivers the newest of a key, and not each',
    steps: [
      subscribe({ ...live, mode: 'latest', interval_ms: 200 }),
      down('subscribed'),
      ...Array.from({ length: 8 }, (_, i) => up('tick', { key: 'a', n: i }, live)),
      // Eight acks, the first tick if it was alone in its turn, the newest.
      { eventually: { type: 'tick', payload: { n: 7 }, metadata: { offset: 8 } }, within: 11 },
    ],
  },
]

const RECOVERY: ProtocolVector[] = [
  {
    id: 'since.1',
    what: 'brings what was missed, and then goes on',
    steps: [
      ...holding(3),
      subscribe({ ...chat, since: { epoch: '$epoch', offset: 1 } }),
      down('subscribed', { offset: 1, recovered: true, epoch: '$epoch' }),
      { down: delivery(2) },
      { down: delivery(3) },
      publish(4),
      { downs: [ack(4), delivery(4)] },
    ],
  },
  {
    id: 'since.2',
    what: 'of the newest brings nothing',
    steps: [
      ...holding(2),
      subscribe({ ...chat, since: { epoch: '$epoch', offset: 2 } }),
      down('subscribed', { offset: 2, recovered: true }),
    ],
  },
  {
    id: 'since.3',
    what: 'of offset 0 brings all',
    steps: [
      ...holding(2),
      subscribe({ ...chat, since: { epoch: '$epoch', offset: 0 } }),
      down('subscribed', { offset: 0, recovered: true }),
      { down: delivery(1) },
      { down: delivery(2) },
    ],
  },
  {
    id: 'since.4',
    what: 'of another epoch starts now and says so',
    steps: [
      ...holding(2),
      subscribe({ ...chat, since: { epoch: 'another', offset: 1 } }),
      down('subscribed', {
        epoch: '$epoch',
        offset: 2,
        recovered: false,
        reason: 'epoch_changed',
        oldest: 1,
      }),
      publish(3),
      { downs: [ack(3), delivery(3)] },
    ],
  },
  {
    id: 'since.5',
    what: 'of an offset that does not exist yet starts now and says so',
    steps: [
      ...holding(2),
      subscribe({ ...chat, since: { epoch: '$epoch', offset: 3 } }),
      down('subscribed', { offset: 2, recovered: false, reason: 'epoch_changed' }),
    ],
  },
  {
    id: 'since.6',
    what: 'in a channel without a log cannot be continued, and says so',
    steps: [
      subscribe({ ...signal, since: { epoch: 'e', offset: 1 } }),
      down('subscribed', { recovered: false, reason: 'expired' }),
    ],
  },
  {
    id: 'last.1',
    what: 'brings the newest, ascending',
    steps: [
      ...holding(3),
      subscribe({ ...chat, last: 2 }),
      down('subscribed', { offset: 1, recovered: false }),
      { down: delivery(2) },
      { down: delivery(3) },
    ],
  },
  {
    id: 'last.2',
    what: 'of 0 brings nothing',
    steps: [...holding(1), subscribe({ ...chat, last: 0 }), down('subscribed', { offset: 1 })],
  },
  {
    id: 'last.3',
    what: 'of 1,000, the most there is, brings the little that there is',
    steps: [
      ...holding(1),
      subscribe({ ...chat, last: 1000 }),
      down('subscribed', { offset: 0 }),
      { down: delivery(1) },
    ],
  },
]

export const CHANNELS: readonly ProtocolVector[] = [...BAD_PAYLOADS, ...SUBSCRIBE, ...RECOVERY]
