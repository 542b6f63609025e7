import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { everything, Mirror, type RoomState, type Row, Rows } from '../../testing/chat-mirror.ts'
import { ChatServer } from '../../testing/chat-server.ts'

const USERS = ['ada', 'bob', 'cleo'] as const
/** `SEQUENCES=nightly` has the time for more. */
const NIGHTLY = process.env['SEQUENCES'] === 'nightly'
const TIMEOUT_MS = NIGHTLY ? 3_600_000 : 180_000

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

/** What is done at once, before anybody looks; then the server may be started again, once in `rarely` times. */
const burst = (rarely: number) =>
  fc.record({
    actions: fc.array(action, { minLength: 1, maxLength: 6 }),
    restart: fc.nat(rarely).map((n) => n === 0),
  })
type Burst = { actions: readonly Action[]; restart: boolean }

/** Three users of a room, what each derives from events, and a server that comes and goes. */
class World {
  readonly #data = mkdtempSync(join(tmpdir(), 'tidewire-actions-'))
  #chat!: ChatServer
  #mirrors: (Mirror | undefined)[] = []
  #rooms = 0
  steps = 0

  static async open(): Promise<World> {
    const world = new World()
    await world.#start()
    return world
  }

  get #room(): string {
    return `room-${this.#rooms}`
  }

  get #channel(): string {
    return `chat:${this.#room}`
  }

  /** Nothing was said yet where they are now. */
  async elsewhere(): Promise<void> {
    for (const talker of this.#talkers) talker.frames.length = 0
    this.#rooms += 1
    this.#mirrors = this.#talkers.map((talker) => new Mirror(talker, this.#room))
    for (const mirror of this.#mirrors) await mirror!.join()
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
      const mirror = new Mirror(await this.#chat.connect(user), this.#room)
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
      const joining = new Mirror(talker, this.#room)
      await joining.join()
      this.#mirrors[action.who] = joining
      return
    }
    if (mirror === undefined) return
    if (action.do === 'leave') {
      this.#mirrors[action.who] = undefined
      await talker.do('leave_room', { room: this.#room })
      return
    }
    if (action.do === 'say') return void (await talker.say(this.#channel, action.text))
    if (action.do === 'read') {
      const offset = action.at % (mirror.position!.offset + 1)
      const ack = await talker.do('mark_read', { channel: this.#channel, offset })
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
    const answer = await mirror.talker.ask(type, payload, { channel: this.#channel })
    const isOwn = user === mirror.talker.user
    const mayBeRefused = isOwn || action.do === 'react' ? [undefined, 4012] : [4011, 4012]
    expect(mayBeRefused).toContain(answer.payload['code'])
  }

  /** State + events = what is told to who asks anew. */
  async verify(): Promise<void> {
    for (const talker of this.#talkers) await talker.settle()
    for (const [i, mirror] of this.#mirrors.entries()) {
      if (mirror === undefined) {
        expect(
          await this.#talkers[i]!.refused('unread_get', { channels: [this.#channel] }),
        ).toMatch('4011')
        continue
      }
      await this.#heard(mirror)
      expect(mirror.state).toEqual(await this.#refetched(mirror.talker.user))
    }
  }

  /** What a busy channel brings may come a moment after the answers to what was asked behind it. */
  async #heard(mirror: Mirror): Promise<void> {
    const { talker } = mirror
    const channel = this.#channel
    const { newest } = await talker.do('history', { channel, limit: 1 })
    mirror.hear()
    if (mirror.position!.offset < (newest as number)) {
      await talker.until(
        ({ metadata }) => metadata.channel === channel && metadata.offset === newest,
      )
      mirror.hear()
    }
  }

  async #refetched(user: string): Promise<RoomState> {
    const talker = this.#talkers[USERS.indexOf(user as (typeof USERS)[number])]!
    const rows = new Rows()
    const { publications } = await everything(talker, this.#channel)
    for (const publication of publications) rows.apply(publication)
    const { channels } = await talker.do('unread_get', { channels: [this.#channel] })
    const { unread, mentions, last_read } = (channels as Record<string, Record<string, number>>)[
      this.#channel
    ]!
    // What the server keeps count of is what counting again gives.
    expect({ unread, mentions }).toEqual(rows.unreadBy(user, last_read!))
    const { body } = await this.#chat.http(user, 'GET', `/v1/rooms/${this.#room}`)
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
    for (const publication of (await everything(talker, this.#channel)).publications) {
      folded.apply(publication)
    }
    const outcomes = async (): Promise<Row[]> => {
      const { publications } = await everything(talker, this.#channel)
      const rows = new Rows()
      for (const one of publications) if (one.type === 'message') rows.apply(one)
      return rows.all
    }
    await expect.poll(outcomes, { timeout: 5_000 }).toEqual(folded.all)
  }
}

/** The actions that were done. */
async function verified(
  bursts: fc.Arbitrary<Burst[]>,
  { sequences, worlds }: { sequences: number; worlds: number },
): Promise<number> {
  let steps = 0
  for (let i = 0; i < worlds; i++) {
    const world = await World.open()
    const property = fc.asyncProperty(bursts, async (all) => {
      await world.elsewhere()
      for (const { actions, restart } of all) {
        await world.run(actions)
        if (restart) await world.restart()
        await world.verify()
      }
      await world.verifyOutcomes()
    })
    try {
      await fc.assert(property, { numRuns: sequences, endOnFailure: true })
    } finally {
      steps += world.steps
      await world.close()
    }
  }
  return steps
}

it(
  'whatever is done, and in whatever order: state and events make what is fetched anew',
  async () => {
    const long = fc.array(burst(24), { minLength: 40, maxLength: 60 })
    const steps = await verified(long, { sequences: 1, worlds: NIGHTLY ? 60 : 6 })
    expect(steps).toBeGreaterThan(600)
  },
  TIMEOUT_MS,
)

it(
  'so it is in many rooms of one server',
  async () => {
    const short = fc.array(burst(200), { minLength: 2, maxLength: 6 })
    const size = NIGHTLY ? { sequences: 200, worlds: 10 } : { sequences: 200, worlds: 1 }
    expect(await verified(short, size)).toBeGreaterThan(1_500)
  },
  TIMEOUT_MS,
)
