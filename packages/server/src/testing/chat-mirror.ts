import type { Envelope, JsonObject, Publication } from '@tidewire/protocol'
import type { Talker } from './talker.ts'

const PAGE = 500

export interface Row {
  id: string
  offset: number
  user: string | undefined
  content: string
  mentions: readonly string[]
  deleted: boolean
  reactions: Record<string, string[]>
}

/** A room as a user knows it. */
export interface RoomState {
  rows: Row[]
  members: string[]
  reads: Record<string, number>
  unread: number
  mentions: number
  last_read: number
}

/** The messages of a room, by the rules that PROTOCOL.md gives to clients. */
export class Rows {
  readonly #rows = new Map<string, Row>()

  apply({ type, payload, metadata }: Publication): void {
    const { message_id, user, offset = 0 } = metadata
    if (type === 'message') {
      if (!this.#rows.has(message_id)) {
        this.#rows.set(message_id, { id: message_id, offset, user, ...said(payload) })
      }
      return
    }
    const row = this.#rows.get(textOf(payload['message_id']))
    if (row === undefined || row.deleted) return
    if (type === 'message_delete') Object.assign(row, said({ deleted: true }))
    if (type === 'message_edit' && row.user === user && typeof payload['content'] === 'string') {
      row.content = payload['content']
      row.mentions = (payload['mentions'] as string[] | undefined) ?? []
    }
    if (type === 'reaction' && user !== undefined) {
      const emoji = textOf(payload['emoji'])
      const others = (row.reactions[emoji] ?? []).filter((other) => other !== user)
      const users = payload['remove'] === true ? others : [...others, user].sort()
      if (users.length > 0) row.reactions[emoji] = users
      else delete row.reactions[emoji]
    }
  }

  get all(): Row[] {
    return [...this.#rows.values()].sort((a, b) => a.offset - b.offset)
  }

  find(at: number): Row | undefined {
    const { all } = this
    return all[at % Math.max(1, all.length)]
  }

  unreadBy(user: string, lastRead: number): { unread: number; mentions: number } {
    const unread = this.all.filter(
      (row) => !row.deleted && row.user !== user && row.offset > lastRead,
    )
    const mentions = unread.filter((row) => row.mentions.includes(user))
    return { unread: unread.length, mentions: mentions.length }
  }
}

/** What a client derives of one room: what it was told when it joined, and the events since. */
export class Mirror {
  readonly talker: Talker
  readonly room: string
  rows = new Rows()
  position: { epoch: string; offset: number } | undefined
  lastRead = 0
  #members = new Set<string>()
  #reads = new Map<string, number>()
  #heard = 0

  constructor(talker: Talker, room: string) {
    this.talker = talker
    this.room = room
  }

  get channel(): string {
    return `chat:${this.room}`
  }

  /** Joins, and goes on from where `before` stood on another connection. */
  async join(before?: Mirror): Promise<void> {
    const since = before?.position
    this.#heard = this.talker.frames.length
    const payload = { room: this.room, ...(since === undefined ? {} : { since }) }
    const joined = await this.talker.do('join_room', payload)
    if (joined['recovered'] === true && before !== undefined) this.rows = before.rows
    else {
      const { publications } = await everything(this.talker, this.channel)
      for (const publication of publications) this.rows.apply(publication)
    }
    const members = joined['members'] as unknown as { user: string; last_read: number }[]
    this.#members = new Set(members.map(({ user }) => user))
    this.#reads = new Map(members.map(({ user, last_read }) => [user, last_read]))
    this.lastRead = joined['last_read'] as number
    this.position = { epoch: textOf(joined['epoch']), offset: joined['offset'] as number }
    this.hear()
  }

  /** Takes in what came since. */
  hear(): void {
    const frames = this.talker.frames.slice(this.#heard)
    this.#heard = this.talker.frames.length
    for (const frame of frames) this.#hear(frame)
  }

  read(offset: number): void {
    this.lastRead = Math.max(this.lastRead, offset)
    this.#read(this.talker.user, offset)
  }

  get state(): RoomState {
    const { user } = this.talker
    return {
      rows: this.rows.all,
      members: [...this.#members].sort(),
      reads: Object.fromEntries([...this.#reads].filter(([user]) => this.#members.has(user))),
      ...this.rows.unreadBy(user, this.lastRead),
      last_read: this.lastRead,
    }
  }

  #hear({ type, payload, metadata }: Envelope): void {
    if (metadata.channel === this.channel && metadata.offset !== undefined) {
      if (metadata.offset !== this.position!.offset + 1) throw new Error('There is a hole.')
      this.position!.offset = metadata.offset
      this.rows.apply({ type, payload, metadata } as Publication)
    }
    const user = textOf(payload['user'])
    if (type === 'read_receipt' && payload['channel'] === this.channel) {
      this.#read(user, payload['offset'] as number)
      if (user === this.talker.user) this.read(payload['offset'] as number)
    }
    if (payload['room'] !== this.room) return
    if (type === 'user_joined') {
      this.#members.add(user)
      this.#read(user, (payload['data'] as { last_read: number }).last_read)
    }
    if (type === 'user_left') this.#members.delete(user)
  }

  #read(user: string, offset: number): void {
    this.#reads.set(user, Math.max(this.#reads.get(user) ?? 0, offset))
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The whole log of a channel. */
export async function everything(
  talker: Talker,
  channel: string,
): Promise<{ publications: Publication[]; newest: number }> {
  const publications: Publication[] = []
  for (;;) {
    const after = publications.at(-1)?.metadata.offset ?? 0
    const page = await talker.do('history', { channel, after, limit: PAGE })
    publications.push(...(page['publications'] as unknown as Publication[]))
    if (page['more'] !== true) return { publications, newest: page['newest'] as number }
  }
}

function said(payload: JsonObject): Omit<Row, 'id' | 'offset' | 'user'> {
  const deleted = payload['deleted'] === true
  const reactions = (payload['reactions'] ?? {}) as Record<string, string[]>
  return {
    content: (payload['content'] as string | undefined) ?? '',
    mentions: (payload['mentions'] as string[] | undefined) ?? [],
    deleted,
    reactions: Object.fromEntries(
      Object.entries(reactions).map(([emoji, users]) => [emoji, [...users].sort()]),
    ),
  }
}
