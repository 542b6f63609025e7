import type { JsonObject, Publication } from '@tidewire/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Change } from './entry.ts'
import {
  changeAcknowledged,
  changeOver,
  changing,
  delivered,
  EMPTY,
  type MessageLog,
  messagesOf,
  opened,
  prepended,
  sending,
} from './message-log.ts'
import type { ChatMessage } from './types.ts'

const LIMIT = 10_000
const EPOCH = 'e1'

function publication(offset: number, id: string, type: string, payload: JsonObject): Publication {
  const timestamp = '2026-11-20T12:00:00.000Z'
  const metadata = { message_id: id, timestamp, channel: 'chat:a', user: 'ada', offset }
  return { type, payload, metadata }
}

describe('what this user does to messages', () => {
  const edit = (id: string, content: string): Change => ({
    id,
    type: 'message_edit',
    payload: { message_id: 'm1', content },
    user: 'ada',
    offset: undefined,
  })
  const thumb = (id: string, more: JsonObject = {}): Change => ({
    ...edit(id, ''),
    type: 'reaction',
    payload: { message_id: 'm1', emoji: '👍', ...more },
  })
  const contentsOf = (log: MessageLog): string[] => messagesOf(log).map(({ content }) => content)
  let log: MessageLog
  beforeEach(() => {
    const first = publication(1, 'm1', 'message', { content: 'helo' })
    log = delivered(opened(EMPTY, { epoch: EPOCH, offset: 0 }), [first], LIMIT)
  })

  it('is seen at once, and undone when it is refused', () => {
    const edited = changing(log, edit('c1', 'hello'))
    expect(messagesOf(edited)).toMatchObject([{ content: 'hello', edited: true }])
    expect(messagesOf(changeOver(edited, 'c1'))).toEqual(messagesOf(log))
    const gone = changing(edited, { ...edit('c2', ''), type: 'message_delete' })
    expect(messagesOf(gone)).toMatchObject([{ content: '', deleted: true }])
    expect(contentsOf(changeOver(gone, 'c2'))).toEqual(['hello'])
  })

  it('is seen without a break, whether the log or the answer comes first', () => {
    const told = publication(2, 'c1', 'message_edit', { message_id: 'm1', content: 'hello' })
    const edited = changing(log, edit('c1', 'hello'))
    const acked = changeAcknowledged(edited, 'c1', 2)
    expect(contentsOf(acked)).toEqual(['hello'])
    const deliveredAfter = delivered(acked, [told], LIMIT)
    const deliveredBefore = delivered(edited, [told], LIMIT)
    expect(contentsOf(deliveredBefore)).toEqual(['hello'])
    for (const one of [deliveredAfter, changeAcknowledged(deliveredBefore, 'c1', 2)]) {
      expect(one.changes).toEqual([])
      expect(messagesOf(one)).toMatchObject([{ content: 'hello', edited: true }])
    }
  })

  it('is the last of it that counts, also while the log tells the first', () => {
    const both = changing(changing(log, thumb('c1')), thumb('c2', { remove: true }))
    expect(messagesOf(both)).toMatchObject([{ reactions: [] }])
    const told = publication(2, 'c1', 'reaction', { message_id: 'm1', emoji: '👍' })
    expect(messagesOf(delivered(both, [told], LIMIT))).toMatchObject([{ reactions: [] }])
    expect(messagesOf(changeOver(both, 'c2'))).toMatchObject([{ reactions: [{ users: ['ada'] }] }])
  })

  it('is seen of a message that is on its way itself', () => {
    const own: ChatMessage = { ...messagesOf(log)[0]!, id: 'own', offset: undefined }
    const about = { message_id: 'own', content: 'better' }
    const sent = changing(sending(log, own), { ...edit('c1', ''), payload: about })
    expect(contentsOf(sent)).toEqual(['helo', 'better'])
  })

  it('outlives a hole until the newest page tells it, and an epoch only if it was not told there', () => {
    const acked = changeAcknowledged(changing(log, edit('c1', 'hello')), 'c1', 2)
    const hole = opened(acked, { epoch: EPOCH, offset: 3 })
    expect(hole.changes).toHaveLength(1)
    const page = [publication(3, 'm3', 'message', { content: 'more' })]
    const paged = prepended(hole, { epoch: EPOCH, publications: page, more: true })
    expect(paged.changes).toEqual([])
    expect(opened(acked, { epoch: 'e2', offset: 0 }).changes).toEqual([])
    const waiting = changing(log, edit('c2', 'later'))
    expect(opened(waiting, { epoch: 'e2', offset: 0 }).changes).toHaveLength(1)
  })
})
