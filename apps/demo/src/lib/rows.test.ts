import { describe, expect, it } from 'vitest'
import { type ChatMessage, type Row, rowsOf } from './rows.ts'

const NOON = new Date(2026, 10, 20, 12, 0).getTime()
const MINUTE = 60_000
const DAY = 86_400_000

let offset = 0
function message(user: string, at: number): ChatMessage {
  offset += 1
  return {
    id: `m${offset}`,
    offset,
    type: 'message',
    payload: { content: 'hi' },
    user,
    clientId: undefined,
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

  it('separate the days', () => {
    const messages = [message('ada', NOON), message('ada', NOON + DAY), message('ada', NOON + DAY)]
    expect(shape(rowsOf(messages, 'start', undefined))).toBe('beginning day lead day lead follow')
  })

  it('mark what is new, once', () => {
    const messages = [message('ada', NOON), message('ada', NOON), message('ada', NOON)]
    const readTo = messages[0]?.offset
    expect(shape(rowsOf(messages, 'start', readTo))).toBe('beginning day lead new lead follow')
    expect(shape(rowsOf(messages, 'start', messages[2]?.offset))).not.toContain('new')
  })

  it('never mark an own message that the log does not have yet as new', () => {
    const own: ChatMessage = { ...message('ada', NOON), offset: undefined, state: 'pending' }
    expect(shape(rowsOf([own], 'start', 0))).toBe('beginning day lead')
  })

  it('have keys of their own', () => {
    const messages = [message('ada', NOON), message('ada', NOON + DAY), message('ada', NOON + DAY)]
    const keys = rowsOf(messages, 'more', messages[0]?.offset).map(({ key }) => key)
    expect(new Set(keys).size).toBe(keys.length)
  })
})
