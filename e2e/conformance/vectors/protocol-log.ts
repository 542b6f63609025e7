import type { ProtocolVector } from './protocol-connection.ts'
import { ack, chat, delivery, holding, live, publish, signal, subscribe } from './protocol-steps.ts'
import { down, ISO_TIME, type Match, refused, TEXT, up, UUIDV7 } from '../vocabulary.ts'

const PUBLISH: ProtocolVector[] = [
  {
    id: 'publish.1',
    what: 'is acknowledged, and delivered as the server completed it',
    steps: [
      subscribe(),
      down('subscribed'),
      publish(1, { user: 'root', client_id: 'x', offset: 99, timestamp: 'never' }),
      {
        downs: [
          { ...ack(1), metadata: { correlation_id: 'm1' } },
          {
            type: 'message',
            payload: { n: 1 },
            metadata: {
              message_id: 'm1',
              timestamp: ISO_TIME,
              client_id: UUIDV7,
              user: 'ada',
              channel: '$chat',
              offset: 1,
            },
          },
        ],
      },
    ],
  },
  {
    id: 'publish.2',
    what: 'again with the same `message_id` is a duplicate and delivers nothing',
    steps: [
      subscribe(),
      down('subscribed'),
      publish(1),
      { downs: [ack(1), delivery(1)] },
      publish(1),
      down('ack', { offset: 1, duplicate: true }, { correlation_id: 'm1' }),
      publish(2),
      { downs: [ack(2), delivery(2)] },
    ],
  },
  ...[chat, live].map((channel): ProtocolVector => ({
    id: `publish.conflict-${channel.channel.slice(1)}`,
    what: 'of another body with the same `message_id` is 4013',
    steps: [
      up('message', { n: 1 }, { ...channel, message_id: 'c' }),
      down('ack', { offset: 1 }),
      up('message', { n: 2 }, { ...channel, message_id: 'c' }),
      refused(4013, 'c'),
    ],
  })),
  {
    id: 'publish.3',
    what: 'with the `message_id` of another channel is no duplicate',
    steps: [
      publish(1),
      down('ack', { offset: 1, duplicate: false }),
      publish(1, live),
      down('ack', { channel: '$live', offset: 1, duplicate: false }),
    ],
  },
  {
    id: 'publish.4',
    what: 'without a `message_id` gets one from the server',
    steps: [
      subscribe(),
      down('subscribed'),
      up('message', { n: 1 }, chat),
      { downs: [ack(1), { ...delivery(1), metadata: { message_id: UUIDV7 } }] },
    ],
  },
  {
    id: 'publish.5',
    what: 'to a channel without a log has no offset, and arrives',
    steps: [
      subscribe(signal),
      down('subscribed'),
      up('move', { x: 1 }, { ...signal, message_id: 'n' }),
      {
        downs: [
          {
            type: 'ack',
            payload: { channel: '$signal', epoch: undefined, offset: undefined, duplicate: false },
          },
          { type: 'move', payload: { x: 1 }, metadata: { offset: undefined } },
        ],
      },
    ],
  },
  {
    id: 'publish.6',
    what: 'to a channel in memory has an offset',
    steps: [
      up('message', {}, live),
      down('ack', { channel: '$live', epoch: TEXT, offset: 1, duplicate: false }),
    ],
  },
  {
    id: 'publish.7',
    what: 'without a payload delivers an empty one',
    steps: [
      subscribe(),
      down('subscribed'),
      { up: { type: 'message', metadata: chat } },
      { downs: [ack(1), { type: 'message', payload: {} }] },
    ],
  },
  {
    id: 'publish.8',
    what: 'to an unknown namespace is 4012',
    steps: [up('message', {}, { channel: 'nowhere:a', message_id: 'n' }), refused(4012, 'n')],
  },
  {
    id: 'publish.9',
    what: 'of many at once is acknowledged and delivered in order',
    steps: [
      subscribe(),
      down('subscribed'),
      ...Array.from({ length: 20 }, (_, i) => publish(i + 1)),
      { eventually: delivery(20), within: 40 },
      up('history', { ...chat, after: 0 }, { message_id: 'h' }),
      {
        eventually: {
          type: 'history',
          payload: {
            publications: Array.from({ length: 20 }, (_, i) => ({ payload: { n: i + 1 } })),
          },
        },
        within: 21,
      },
    ],
  },
]

const page = (numbers: readonly number[], more: boolean): Match => ({
  type: 'history',
  payload: {
    ...chat,
    epoch: '$epoch',
    oldest: 1,
    newest: 4,
    publications: numbers.map((n) => delivery(n)),
    more,
  },
})
const reading = (
  id: string,
  what: string,
  range: object,
  numbers: readonly number[],
  more: boolean,
): ProtocolVector => ({
  id,
  what,
  steps: [...holding(4), up('history', { ...chat, ...range }), { down: page(numbers, more) }],
})

const HISTORY: ProtocolVector[] = [
  reading('history.1', 'without bounds is the newest', {}, [1, 2, 3, 4], false),
  reading('history.2', 'with a limit is the newest ones, ascending', { limit: 2 }, [3, 4], true),
  reading('history.3', 'after an offset goes up', { after: 1, limit: 2 }, [2, 3], true),
  reading('history.4', 'after the newest is empty', { after: 4 }, [], false),
  reading('history.5', 'after what does not exist yet is empty', { after: 99 }, [], false),
  reading(
    'history.6',
    'before an offset goes down, told ascending',
    { before: 4, limit: 2 },
    [2, 3],
    true,
  ),
  reading('history.7', 'before the first is empty', { before: 1 }, [], false),
  reading('history.8', 'between two offsets', { after: 1, before: 4 }, [2, 3], false),
  reading('history.9', 'of the current epoch', { epoch: '$epoch', after: 3 }, [4], false),
  {
    id: 'history.10',
    what: 'of another epoch is 4013',
    steps: [up('history', { ...chat, epoch: 'another' }, { message_id: 'h' }), refused(4013, 'h')],
  },
  {
    id: 'history.11',
    what: 'of a channel that nobody used is empty',
    steps: [
      up('history', chat, { message_id: 'h' }),
      down('history', { newest: 0, publications: [], more: false }, { correlation_id: 'h' }),
    ],
  },
  {
    id: 'history.12',
    what: 'of an unknown namespace is 4012',
    steps: [up('history', { channel: 'nowhere:a' }, { message_id: 'h' }), refused(4012, 'h')],
  },
  {
    id: 'result.1',
    what: 'that nobody asked for is passed over',
    steps: [up('result', { value: 1 }, { correlation_id: 'nobody' }), up('result', { value: 1 })],
  },
]

export const LOG: readonly ProtocolVector[] = [...PUBLISH, ...HISTORY]
