import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { everything, Mirror, type RoomState, type Row, Rows } from '../../testing/chat-mirror.ts'
import { ChatServer } from '../../testing/chat-server.ts'

const USERS = ['ada', 'bob', 'cleo'] as const
const ROOM = 'general'
const CHANNEL = `chat:${ROOM}`

const who = fc.constantFrom(0, 1, 2)
const at = fc.nat(1_000)
const text = fc.constantFrom('hi', '@ada', '@bob and @cleo', 'for @nobody', '@ada @bob @cleo')
const emoji = fc.constantFrom('👍', '🌊')
const action = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('say' as const), who, text }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('edit' as const), who, at, text }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), who, at }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('react' as const),
      who,
      at,
      emoji,
      remove: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('read' as const), who, at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('join' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), who }) },
)
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

/** What is done at once, before anybody looks; then the server may be started again. */
const burst = fc.record({
  actions: fc.array(action, { minLength: 1, maxLength: 6 }),
  restart: fc.nat(24).map((n) => n === 0),
})

/** Three users of a room, what each derives from events, and a server that comes and goes. */
class World {
  readonly #data = mkdtempSync(join(tmpdir(), 'tidewire-actions-'))
  #chat!: ChatServer
  #mirrors: (Mirror | undefined)[] = []
  steps = 0

  static async open(): Promise<World> {
    const world = new World()
    await world.#start()
    return world
  }

  async close(): Promise<void> {
    await this.#chat.close()
    rmSync(this.#data, { recursive: true })
  }

  async restart(): Promise<void> {
    const before = this.#mirrors
    await this.#chat.close()
    await this.#start(before)
  }

  async #start(
    before: readonly (Mirror | undefined)[] = USERS.map(() => undefined),
  ): Promise<void> {
    this.#chat = await ChatServer.open({ data: this.#data })
    const isNew = this.#mirrors.length === 0
    this.#mirrors = []
    for (const [i, user] of USERS.entries()) {
      const mirror = new Mirror(await this.#chat.connect(user), ROOM)
      if (isNew || before[i] !== undefined) await mirror.join(before[i])
      this.#mirrors[i] = isNew || before[i] !== undefined ? mirror : undefined
      this.#talkers[i] = mirror.talker
    }
  }

  readonly #talkers: Mirror['talker'][] = []

  async run(actions: readonly Action[]): Promise<void> {
    // Who joins or leaves meanwhile has no state to compare until it is done.
    const moves = actions.filter(({ do: what }) => what === 'join' || what === 'leave')
    const others = actions.filter((action) => !moves.includes(action))
    await Promise.all(others.map((action) => this.#act(action)))
    for (const move of moves) await this.#act(move)
    this.steps += actions.length
  }

  async #act(action: Action): Promise<void> {
    const talker = this.#talkers[action.who]!
    const mirror = this.#mirrors[action.who]
    if (action.do === 'join') {
      if (mirror !== undefined) return
      const joining = new Mirror(talker, ROOM)
      await joining.join()
      this.#mirrors[action.who] = joining
      return
    }
    if (mirror === undefined) return
    if (action.do === 'leave') {
      this.#mirrors[action.who] = undefined
      await talker.do('leave_room', { room: ROOM })
      return
    }
    if (action.do === 'say') return void (await talker.say(CHANNEL, action.text))
    if (action.do === 'read') {
      const offset = action.at % (mirror.position!.offset + 1)
      const ack = await talker.do('mark_read', { channel: CHANNEL, offset })
      mirror.read(ack['offset'] as number)
      return
    }
    await this.#change(action, mirror)
  }

  /** What may be refused is, for a reason; then nothing came of it. */
  async #change(action: Extract<Action, { at: number }>, mirror: Mirror): Promise<void> {
    const row = mirror.rows.find(action.at)
    if (row === undefined || action.do === 'read') return
    const { id: message_id, user } = row
    const [type, payload] = {
      edit: () =>
        ['message_edit', { message_id, content: 'text' in action && action.text }] as const,
      delete: () => ['message_delete', { message_id }] as const,
      react: () => {
        const { emoji, remove } = action as Extract<Action, { do: 'react' }>
        return ['reaction', { message_id, emoji, remove }] as const
      },
    }[action.do]()
    const answer = await mirror.talker.ask(type, payload, { channel: CHANNEL })
    const isOwn = user === mirror.talker.user
    const mayBeRefused = isOwn || action.do === 'react' ? [undefined, 4012] : [4011, 4012]
    expect(mayBeRefused).toContain(answer.payload['code'])
  }

  /** State + events = what is told to who asks anew. */
  async verify(): Promise<void> {
    for (const talker of this.#talkers) await talker.settle()
    for (const [i, mirror] of this.#mirrors.entries()) {
      if (mirror === undefined) {
        expect(await this.#talkers[i]!.refused('unread_get', { channels: [CHANNEL] })).toMatch(
          '4011',
        )
        continue
      }
      mirror.hear()
      expect(mirror.state).toEqual(await this.#refetched(mirror.talker.user))
    }
  }

  async #refetched(user: string): Promise<RoomState> {
    const talker = this.#talkers[USERS.indexOf(user as (typeof USERS)[number])]!
    const rows = new Rows()
    const { publications } = await everything(talker, CHANNEL)
    for (const publication of publications) rows.apply(publication)
    const { channels } = await talker.do('unread_get', { channels: [CHANNEL] })
    const { unread, mentions, last_read } = (channels as Record<string, Record<string, number>>)[
      CHANNEL
    ]!
    // What the server keeps count of is what counting again gives.
    expect({ unread, mentions }).toEqual(rows.unreadBy(user, last_read!))
    const { body } = await this.#chat.http(user, 'GET', `/v1/rooms/${ROOM}`)
    const members = body['members'] as { user: string; last_read: number }[]
    expect(body).toMatchObject({ unread, mentions, last_read, member_count: members.length })
    return {
      rows: rows.all,
      members: members.map((member) => member.user),
      reads: Object.fromEntries(members.map((member) => [member.user, member.last_read])),
      unread: unread!,
      mentions: mentions!,
      last_read: last_read!,
    }
  }

  /** History brings what became of messages, also to who takes no notice of events. */
  async verifyOutcomes(): Promise<void> {
    const talker = this.#talkers[0]!
    const folded = new Rows()
    for (const publication of (await everything(talker, CHANNEL)).publications) {
      folded.apply(publication)
    }
    const outcomes = async (): Promise<Row[]> => {
      const { publications } = await everything(talker, CHANNEL)
      const rows = new Rows()
      for (const one of publications) if (one.type === 'message') rows.apply(one)
      return rows.all
    }
    await expect.poll(outcomes, { timeout: 5_000 }).toEqual(folded.all)
  }
}

it('whatever is done, and in whatever order: state and events make what is fetched anew', async () => {
  let steps = 0
  const property = fc.asyncProperty(
    fc.array(burst, { minLength: 40, maxLength: 60 }),
    async (bursts) => {
      const world = await World.open()
      try {
        for (const { actions, restart } of bursts) {
          await world.run(actions)
          if (restart) await world.restart()
          await world.verify()
        }
        await world.verifyOutcomes()
      } finally {
        steps += world.steps
        await world.close()
      }
    },
  )
  await fc.assert(property, { numRuns: 12, endOnFailure: true })
  expect(steps).toBeGreaterThan(1_500)
}, 180_000)
