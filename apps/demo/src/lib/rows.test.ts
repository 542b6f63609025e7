import type { ChatMessage } from '@tidewire/react'
import { describe, expect, it } from 'vitest'
import { authorOf, type Beginning, type Row, rowsOf as rowsFor, seenBy } from './rows.ts'

const NOON = new Date(2026, 10, 20, 12, 0).getTime()
const MINUTE = 60_000
const DAY = 86_400_000

const rowsOf = (
  messages: readonly ChatMessage[],
  beginning: Beginning,
  readTo: number | undefined,
): Row[] => rowsFor(messages, beginning, readTo, 'ada')

let offset = 0
function message(user: string, at: number): ChatMessage {
  offset += 1
  return {
    id: `m${offset}`,
    offset,
    content: 'hi',
    attachments: [],
    mentions: [],
    replyTo: undefined,
    edited: false,
    deleted: false,
    reactions: [],
    user,
    at,
    state: 'sent',
    error: undefined,
  }
}

const shape = (rows: Row[]): string =>
  rows.map((row) => (row.kind === 'message' ? (row.leads ? 'lead' : 'follow') : row.kind)).join(' ')

describe('the rows of a room', () => {
  it('group the messages of one author and minute', () => {
    const messages = [
      message('ada', NOON),
      message('ada', NOON + 30_000),
      message('grace', NOON + 40_000),
      message('grace', NOON + MINUTE),
    ]
    expect(shape(rowsOf(messages, 'start', undefined))).toBe('beginning day lead follow lead lead')
  })

  it('do not put what the server said into a group of somebody else', () => {
    const messages = [message('ada', NOON), { ...message('ada', NOON), user: undefined }]
    expect(shape(rowsOf(messages, 'start', undefined))).toBe('beginning day lead lead')
  })

  it('group an own message that has no user yet with those before it', () => {
    const own = { ...message('ada', NOON), offset: undefined, user: undefined, state: 'pending' }
    const messages = [message('ada', NOON), own as ChatMessage]
    expect(shape(rowsOf(messages, 'start', undefined))).toBe('beginning day lead follow')
  })

  it('separate the days', () => {
    const messages = [message('ada', NOON), message('ada', NOON + DAY), message('ada', NOON + DAY)]
    expect(shape(rowsOf(messages, 'start', undefined))).toBe('beginning day lead day lead follow')
  })

  it('mark what is new, once', () => {
    const messages = [message('bob', NOON), message('bob', NOON), message('bob', NOON)]
    const readTo = messages[0]?.offset
    expect(shape(rowsOf(messages, 'start', readTo))).toBe('beginning day lead new lead follow')
    expect(shape(rowsOf(messages, 'start', messages[2]?.offset))).not.toContain('new')
  })

  it('never mark an own message that the log does not have yet as new', () => {
    const own: ChatMessage = { ...message('ada', NOON), offset: undefined, state: 'pending' }
    expect(shape(rowsOf([own], 'start', 0))).toBe('beginning day lead')
  })

  it('never mark what the reader wrote elsewhere as new', () => {
    const messages = [message('bob', NOON), message('ada', NOON), message('bob', NOON)]
    const readTo = messages[0]?.offset
    expect(shape(rowsOf(messages, 'start', readTo))).toBe('beginning day lead lead new lead')
  })

  it('show an answer under the name of its author', () => {
    const messages = [message('bob', NOON), { ...message('bob', NOON), replyTo: 'm1' }]
    expect(shape(rowsOf(messages, 'start', undefined))).toBe('beginning day lead lead')
  })

  it('have keys of their own', () => {
    const messages = [message('bob', NOON), message('bob', NOON + DAY), message('bob', NOON + DAY)]
    const keys = rowsOf(messages, 'more', messages[0]?.offset).map(({ key }) => key)
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe('the author of a message', () => {
  const nobody = { ...message('ada', NOON), user: undefined }
  it.each<[string, ChatMessage, string]>([
    ['of another user', message('grace', NOON), 'grace'],
    ['that a server key published', nobody, 'server'],
    ['of a server key, in a room without a log', { ...nobody, offset: undefined }, 'server'],
    ['on its way', { ...nobody, offset: undefined, state: 'pending' }, 'ada'],
    ['that failed', { ...nobody, offset: undefined, state: 'failed' }, 'ada'],
  ])('%s', (_, written, author) => {
    expect(authorOf(written, 'ada')).toBe(author)
  })
})

describe('who has seen what', () => {
  const [first, second, third] = [message('ada', NOON), message('bob', NOON), message('ada', NOON)]
  const messages = [first, second, third]
  const last = third.offset ?? 0

  it('is told at the last message that somebody has read', () => {
    const seen = seenBy(messages, { grace: last + 5, cleo: last, bob: last - 1, ada: last }, 'ada')
    expect([...seen]).toEqual([[third.id, ['cleo', 'grace']]])
  })

  it('is not told of what somebody wrote, nor before the first message', () => {
    const seen = seenBy(messages, { bob: last - 1, grace: (first.offset ?? 0) - 1 }, 'ada')
    expect(seen.size).toBe(0)
  })
})
