import type { ChatMessage } from '@tidewire/react'
import { describe, expect, it } from 'vitest'
import { rootOf, threadsOf } from './threads.ts'

function message(id: string, replyTo?: string, user = 'ada'): ChatMessage {
  return {
    id,
    offset: 1,
    user,
    at: 0,
    content: id,
    attachments: [],
    mentions: [],
    replyTo,
    edited: false,
    deleted: false,
    reactions: [],
    state: 'sent',
    error: undefined,
  }
}

const told = (messages: ChatMessage[]): object =>
  Object.fromEntries(
    [...threadsOf(messages)].map(([id, { replies }]) => [id, replies.map((reply) => reply.id)]),
  )

describe('threads', () => {
  it('gather answers, and answers to answers, under the first message', () => {
    const messages = [
      message('a'),
      message('b'),
      message('a1', 'a'),
      message('a2', 'a1'),
      message('b1', 'b'),
      message('a3', 'a2'),
    ]
    expect(told(messages)).toEqual({ a: ['a1', 'a2', 'a3'], b: ['b1'] })
    expect(rootOf(messages, 'a3')).toBe('a')
    expect(rootOf(messages, 'b')).toBe('b')
  })

  it('begin before what is loaded', () => {
    const messages = [message('x1', 'x'), message('x2', 'x1')]
    expect(told(messages)).toEqual({ x: ['x1', 'x2'] })
    expect(rootOf(messages, 'x2')).toBe('x')
  })

  it('name each of their writers once, the latest last', () => {
    const messages = [
      message('a'),
      message('1', 'a', 'bob'),
      message('2', 'a', 'cleo'),
      message('3', 'a', 'bob'),
    ]
    expect(threadsOf(messages).get('a')?.users).toEqual(['cleo', 'bob'])
  })
})
