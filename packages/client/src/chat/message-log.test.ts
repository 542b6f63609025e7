import type { JsonObject, Publication } from '@tidewire/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TidewireError } from '../errors.ts'
import {
  acknowledged,
  changeAcknowledged,
  changing,
  delivered,
  discarded,
  EMPTY,
  failed,
  type MessageLog,
  messagesOf,
  opened,
  type Page,
  prepended,
  sending,
  unreadAfter,
} from './message-log.ts'
import type { ChatMessage } from './types.ts'

const LIMIT = 10_000
const EPOCH = 'e1'

/** A room as a server keeps it: what history brings of a message is what became of it. */
class RoomModel {
  readonly publications: Publication[] = []

  append(type: string, payload: JsonObject, user = 'ada', id?: string): Publication {
    const offset = this.publications.length + 1
    const publication: Publication = {
      type,
      payload,
      metadata: {
        message_id: id ?? `m${offset}`,
        timestamp: new Date(1_700_000_000_000 + offset).toISOString(),
        channel: 'chat:a',
        user,
        offset,
      },
    }
    this.publications.push(publication)
    this.#settle(publication)
    return publication
  }

  page(before = Infinity, limit = 5): Page {
    const older = this.publications.filter(({ metadata }) => metadata.offset! < before)
    const publications = older.slice(-limit)
    return { epoch: EPOCH, publications, more: publications.length < older.length }
  }

  /** Everything that is said of a message is taken up into its entry, and a deleted body out of all of them. */
  #settle({ type, payload, metadata }: Publication): void {
    const id = payload['message_id']
    const index = this.publications.findIndex((one) => one.metadata.message_id === id)
    const message = this.publications[index]
    if (message === undefined || message.payload['deleted'] === true) return
    const { content, emoji, remove } = payload as Record<string, string>
    if (type === 'message_edit') {
      this.#replace(index, { ...message.payload, content: content!, edited_at: metadata.timestamp })
    } else if (type === 'reaction') {
      const all = (message.payload['reactions'] ?? {}) as Record<string, string[]>
      const others = (all[emoji!] ?? []).filter((user) => user !== metadata.user)
      const users = remove === undefined ? [...others, metadata.user!] : others
      this.#replace(index, { ...message.payload, reactions: { ...all, [emoji!]: users } })
    } else if (type === 'message_delete') {
      this.publications.forEach((one, at) => {
        if (one.type === 'message_edit' && one.payload['message_id'] === id) {
          this.#replace(at, { message_id: id!, deleted: true })
        }
      })
      this.#replace(index, { deleted: true })
    }
  }

  #replace(index: number, payload: JsonObject): void {
    this.publications[index] = { ...this.publications[index]!, payload }
  }
}

function fromHistoryAlone(room: RoomModel): readonly ChatMessage[] {
  let log = opened(EMPTY, { epoch: EPOCH, offset: room.publications.length })
  for (let pages = 0; log.hasMore && pages < 1000; pages += 1) {
    log = prepended(log, room.page(log.first))
  }
  return messagesOf(log)
}

const USERS = ['ada', 'bob', 'cyd']
/** Some are likelier than others. */
const KINDS = [
  'message_edit',
  'message_edit',
  'message_delete',
  'message_again',
  'reaction',
  'reaction',
  'reaction',
]
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('message'), user: fc.nat(2) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom(...KINDS),
      user: fc.nat(2),
      about: fc.nat(),
      emoji: fc.constantFrom('👍', '🎉', '❤️'),
      remove: fc.boolean(),
    }),
  },
)
type Action = Partial<Record<'about', number>> & {
  type: string
  user: number
  emoji?: string
  remove?: boolean
}

function firstMessages({ publications }: RoomModel): Publication[] {
  const seen = new Set<string>()
  return publications.filter(({ type, metadata }) => {
    return type === 'message' && !seen.has(metadata.message_id) && seen.add(metadata.message_id)
  })
}

function act(room: RoomModel, { type, user, about = 0, emoji, remove }: Action): Publication {
  const name = USERS[user]!
  const messages = firstMessages(room)
  if (type === 'message' || messages.length === 0) {
    return room.append('message', { content: `said ${room.publications.length}` }, name)
  }
  const target = messages[about % messages.length]!.metadata.message_id
  const message_id = target
  if (type === 'reaction') {
    const payload = { message_id, emoji: emoji! }
    return room.append(type, remove ? { ...payload, remove: true } : payload, name)
  }
  if (type === 'message_again') return room.append('message', { content: 'again' }, name, target)
  const content = `edited ${room.publications.length}`
  const author = messages[about % messages.length]!.metadata.user!
  return type === 'message_edit'
    ? room.append(type, { message_id, content }, author)
    : room.append(type, { message_id }, name)
}

/** Whether a server would take it: nothing happens to what is deleted. That an id comes again may be after days. */
function isLegal(room: RoomModel, { type, about = 0 }: Action): boolean {
  const messages = firstMessages(room)
  return (
    type === 'message' ||
    messages.length === 0 ||
    messages[about % messages.length]!.payload['deleted'] !== true
  )
}

describe('the messages of a room', () => {
  it('are the same from events and pages, in whatever order they came, as from history alone', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: action },
      { weight: 1, arbitrary: fc.constantFrom('ask', 'answer', 'deliver') },
    )
    fc.assert(
      fc.property(fc.array(action), fc.array(step, { maxLength: 60 }), (before, steps) => {
        const room = new RoomModel()
        for (const one of before) if (isLegal(room, one)) act(room, one)
        let log: MessageLog = opened(EMPTY, { epoch: EPOCH, offset: room.publications.length })
        let waiting: Publication[] = []
        let asked: Page | undefined
        const deliver = (): void => {
          log = delivered(log, waiting, LIMIT)
          waiting = []
        }
        const answer = (): void => {
          // Over one connection an answer overtakes no delivery that was sent before it, but may come with it.
          if (asked !== undefined) log = prepended(log, asked)
          asked = undefined
        }
        for (const one of steps) {
          if (one === 'ask') asked ??= log.hasMore ? room.page(log.first) : undefined
          else if (one === 'answer') answer()
          else if (one === 'deliver') deliver()
          else if (isLegal(room, one)) waiting.push(act(room, one))
        }
        answer()
        deliver()
        while (log.hasMore) log = prepended(log, room.page(log.first))
        expect(messagesOf(log)).toEqual(fromHistoryAlone(room))
      }),
      { numRuns: 2000 },
    )
  })

  it('keep what was said of a message that is not loaded, and show it when its page comes', () => {
    const room = new RoomModel()
    const { message_id } = room.append('message', { content: 'old' }).metadata
    const page = room.page()
    let log = opened(EMPTY, { epoch: EPOCH, offset: 1 })
    log = delivered(log, [room.append('message_edit', { message_id, content: 'new' })], LIMIT)
    expect(messagesOf(log)).toEqual([])
    expect(messagesOf(prepended(log, page))).toMatchObject([{ content: 'new', edited: true }])
  })

  it('forget the oldest of what was said of messages that are not loaded', () => {
    const room = new RoomModel()
    let log = opened(EMPTY, { epoch: EPOCH, offset: 0 })
    const edits = Array.from({ length: 1500 }, (_, index) =>
      room.append('message_edit', { message_id: `x${index}`, content: 'new' }),
    )
    log = delivered(log, edits, LIMIT)
    expect(log.entries.size).toBe(1000)
    expect(log.entries.has('x1499')).toBe(true)
  })

  it('leave a tombstone of what was deleted, whatever is said of it after', () => {
    const room = new RoomModel()
    const said = room.append('message', {
      content: 'secret',
      attachments: [{ url: '/a' }],
      mentions: ['bob'],
      reply_to: 'm0',
    })
    const { message_id } = said.metadata
    const events = [
      said,
      room.append('reaction', { message_id, emoji: '👍' }),
      room.append('message_delete', { message_id }),
      room.append('message_edit', { message_id, content: 'again' }),
    ]
    const log = delivered(opened(EMPTY, { epoch: EPOCH, offset: 0 }), events, LIMIT)
    const [message] = messagesOf(log)
    expect(message).toMatchObject({ content: '', attachments: [], reactions: [], deleted: true })
    expect(JSON.stringify(message)).not.toMatch(/secret|again|bob/)
  })

  it('take no harm from payloads of any shape', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.jsonValue())), (given) => {
        const room = new RoomModel()
        const types = ['message', 'message_edit', 'message_delete', 'reaction']
        const events = given.map(([id, value], index) => {
          const payload = { message_id: value, content: value, emoji: value, reactions: value }
          const event = room.append(types[index % 4]!, payload as unknown as JsonObject)
          return { ...event, metadata: { ...event.metadata, message_id: `${id}${index}` } }
        })
        const log = delivered(opened(EMPTY, { epoch: EPOCH, offset: 0 }), events, LIMIT)
        for (const { content } of messagesOf(log)) expect(content).toBeTypeOf('string')
      }),
    )
  })
})

describe('own messages', () => {
  const own: ChatMessage = {
    id: 'mine',
    offset: undefined,
    user: 'ada',
    at: 1,
    content: 'hi',
    attachments: [],
    mentions: [],
    replyTo: undefined,
    edited: false,
    deleted: false,
    reactions: [],
    state: 'pending',
    error: undefined,
  }
  const mine = (id: string): ChatMessage => ({ ...own, id })
  const room = (): MessageLog => opened(EMPTY, { epoch: EPOCH, offset: 0 })
  const delivery = (offset: number, id = 'mine'): Publication => ({
    type: 'message',
    payload: { content: 'hi' },
    metadata: {
      message_id: id,
      timestamp: '2026-11-20T12:00:00.000Z',
      channel: 'chat:a',
      user: 'ada',
      offset,
    },
  })

  it('come last until the log delivers them, and are there once at every moment', () => {
    let log = sending(room(), own)
    log = delivered(log, [delivery(1, 'other')], LIMIT)
    expect(messagesOf(log).map(({ id, state }) => [id, state])).toEqual([
      ['other', 'sent'],
      ['mine', 'pending'],
    ])
    log = acknowledged(log, 'mine', 2, 'ada')
    expect(messagesOf(log)[1]).toMatchObject({ id: 'mine', state: 'sent', offset: 2 })
    log = delivered(log, [delivery(2)], LIMIT)
    expect(messagesOf(log).map(({ id }) => id)).toEqual(['other', 'mine'])
  })

  it('are there once also when the delivery comes before the acknowledgement', () => {
    let log = delivered(sending(room(), own), [delivery(1)], LIMIT)
    log = acknowledged(log, 'mine', 1, 'ada')
    expect(messagesOf(log)).toMatchObject([{ id: 'mine', state: 'sent', offset: 1 }])
  })

  it('stay with the reason when they fail, and are sent again or discarded', () => {
    const error = new TidewireError('forbidden', 'You may not write here.')
    let log = failed(sending(room(), own), 'mine', error)
    expect(messagesOf(log)).toMatchObject([{ state: 'failed', error }])
    expect(messagesOf(discarded(log, 'mine'))).toEqual([])
    log = sending(log, own)
    expect(messagesOf(log)).toMatchObject([{ state: 'pending', error: undefined }])
  })

  it('outlive a reset while the log does not have them', () => {
    let log = sending(sending(room(), own), mine('other'))
    log = acknowledged(log, 'other', 3, 'ada')
    log = opened(log, { epoch: 'e2', offset: 9 })
    expect(messagesOf(log)).toEqual([own])
    expect(log).toMatchObject({ first: 10, last: 9, hasMore: true })
  })

  it('stay when they were acknowledged before the stream starts, until the newest page brings them', () => {
    const model = new RoomModel()
    model.append('message', { content: 'a' }, 'ada', 'own')
    const acked = acknowledged(sending(EMPTY, mine('own')), 'own', 1, 'ada')
    const started = opened(acked, { epoch: EPOCH, offset: 1 })
    expect(messagesOf(started)).toMatchObject([{ id: 'own', offset: 1, state: 'sent' }])
    const paged = prepended(started, model.page(2))
    expect(paged.own).toEqual([])
    expect(messagesOf(paged)).toMatchObject([{ id: 'own', offset: 1 }])
  })

  it('stay when they are acknowledged between the start of the stream and the newest page', () => {
    const model = new RoomModel()
    model.append('message', { content: 'a' }, 'ada', 'own')
    const started = opened(sending(EMPTY, mine('own')), { epoch: EPOCH, offset: 1 })
    const live = delivered(started, [model.append('message', { content: 'b' }, 'bob')], LIMIT)
    const acked = acknowledged(live, 'own', 1, 'ada')
    expect(messagesOf(acked).map(({ id }) => id)).toEqual(['own', 'm2'])
    expect(messagesOf(prepended(acked, model.page(2))).map(({ id }) => id)).toEqual(['own', 'm2'])
  })

  it('stand at their place as soon as it is known, whatever comes first', () => {
    let log = sending(sending(room(), mine('first')), mine('second'))
    log = acknowledged(acknowledged(log, 'first', 1, 'ada'), 'second', 2, 'ada')
    log = delivered(log, [delivery(3, 'other')], LIMIT)
    log = sending(log, mine('third'))
    const ids = ['first', 'second', 'other', 'third']
    expect(messagesOf(log).map(({ id }) => id)).toEqual(ids)
  })

  it('are changed no more by what the log has told under another id', () => {
    const payload = { message_id: 'one' }
    const deletion = {
      id: 'd2',
      type: 'message_delete',
      payload,
      user: 'ada',
      offset: undefined,
    } as const
    const acked = changeAcknowledged(changing(room(), deletion), 'd2', 2)
    expect(acked.changes).toHaveLength(1)
    expect(delivered(acked, [delivery(1, 'one')], LIMIT).changes).toHaveLength(1)
    expect(delivered(acked, [delivery(1, 'one'), delivery(2, 'd1')], LIMIT).changes).toEqual([])
  })

  it('go to their place when that is further back than the newest page', () => {
    const model = new RoomModel()
    model.append('message', { content: 'a' }, 'ada', 'own')
    for (let n = 0; n < 9; n += 1) model.append('message', { content: 'b' }, 'bob')
    const acked = acknowledged(sending(EMPTY, mine('own')), 'own', 1, 'ada')
    const paged = prepended(opened(acked, { epoch: EPOCH, offset: 10 }), model.page(11))
    expect(messagesOf(paged).map(({ id }) => id)).toEqual(['m6', 'm7', 'm8', 'm9', 'm10'])
    const late = acknowledged(sending(paged, mine('other')), 'other', 2, 'ada')
    expect(late.own).toEqual([])
  })

  it('that an epoch has taken along are gone', () => {
    const first = opened(EMPTY, { epoch: EPOCH, offset: 0 })
    const acked = acknowledged(sending(first, mine('own')), 'own', 1, 'ada')
    expect(messagesOf(opened(acked, { epoch: 'e2', offset: 0 }))).toEqual([])
  })

  it('are no unread ones', () => {
    let log = delivered(room(), [delivery(1), delivery(2, 'b')], LIMIT)
    expect(unreadAfter(log, 0, 'ada')).toBe(0)
    expect(unreadAfter(log, 0, 'bob')).toBe(2)
    expect(unreadAfter(log, 1, 'bob')).toBe(1)
    log = opened(EMPTY, { epoch: EPOCH, offset: 5 })
    expect(unreadAfter(log, 3, 'bob')).toBeUndefined()
    expect(unreadAfter(log, 5, 'bob')).toBe(0)
  })
})

it('a room that is too long loses its oldest messages, which come back with their page', () => {
  const room = new RoomModel()
  let log = opened(EMPTY, { epoch: EPOCH, offset: 0 })
  for (let n = 0; n < 30; n += 1)
    log = delivered(log, [room.append('message', { content: '' })], 20)
  expect(messagesOf(log).length).toBeLessThanOrEqual(20)
  expect(messagesOf(log).at(-1)?.offset).toBe(30)
  while (log.hasMore) log = prepended(log, room.page(log.first))
  expect(messagesOf(log)).toEqual(fromHistoryAlone(room))
})
