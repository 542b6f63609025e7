import { down, type Match, type Step, up } from '../vocabulary.ts'

export const chat = { channel: '$chat' }
export const live = { channel: '$live' }
export const signal = { channel: '$signal' }

export const subscribe = (payload: object = chat): Step =>
  up('subscribe', payload, { message_id: 's' })
export const publish = (n: number, metadata: object = {}): Step =>
  up('message', { n }, { channel: '$chat', message_id: `m${n}`, ...metadata })
export const ack = (offset: number): Match => ({
  type: 'ack',
  payload: { channel: '$chat', epoch: '$epoch', offset, duplicate: false },
})
export const delivery = (n: number, offset = n): Match => ({
  type: 'message',
  payload: { n },
  metadata: { channel: '$chat', offset },
})

/** The channel holds 1 … n from here on, and `$epoch` is known. */
export const holding = (n: number): Step[] => [
  up('history', chat),
  down('history', { newest: 0 }),
  ...Array.from({ length: n }, (_, i): Step[] => [publish(i + 1), { down: ack(i + 1) }]).flat(),
]
