import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../testing/fake-clock.ts'
import { type Change, Changes } from './changes.ts'
import { Roster } from './roster.ts'

const ROOM = 'chat:a'
const GRACE_MS = 15_000
const ALL = { limit: 1000, maxBytes: 1e9 }

let clock: FakeClock
let changes: Changes
let roster: Roster
beforeEach(() => {
  clock = new FakeClock()
  changes = new Changes()
  roster = rosterOf(3, 4)
})

function rosterOf(maxMembers: number, maxChannels: number): Roster {
  return new Roster({
    clock,
    graceMs: GRACE_MS,
    maxMembers,
    maxChannels,
    onChange: (channel, user, before) => {
      if (channel === ROOM) changes.note(user, before, clock.now())
    },
  })
}

const taken = (): Change[] => changes.take(1e9, (user) => roster.member(ROOM, user))
const told = (): string[] =>
  taken().map(({ action, user, data }) => `${action} ${user} ${JSON.stringify(data)}`)
const users = (): string[] => roster.page(ROOM, ALL).members.map(({ user }) => user)

describe('a member', () => {
  it('is one, however many clients it has, with the data of the last word', () => {
    const [phone, laptop] = [{}, {}]
    roster.enter(ROOM, 'ada', phone, { on: 'phone' })
    roster.enter(ROOM, 'ada', laptop, { on: 'laptop' })
    expect(roster.member(ROOM, 'ada')).toMatchObject({ clients: 2, data: { on: 'laptop' } })
    roster.update(ROOM, 'ada', phone, { on: 'phone again' })
    expect(told()).toEqual(['enter ada {"on":"phone again"}'])
    roster.leave(ROOM, 'ada', laptop)
    expect(roster.member(ROOM, 'ada')).toMatchObject({ clients: 1, data: { on: 'phone again' } })
    expect(told()).toEqual([])
  })

  it('stays for the grace after its last client was lost, and no longer', async () => {
    roster.enter(ROOM, 'ada', {}, { a: 1 })
    const client = {}
    roster.enter(ROOM, 'bob', client, undefined)
    roster.lose(ROOM, 'bob', client)
    expect(roster.member(ROOM, 'bob')).toMatchObject({ clients: 0 })
    await clock.advance(GRACE_MS - 1)
    expect(told()).toEqual(['enter ada {"a":1}', 'enter bob {}'])
    await clock.advance(1)
    expect(told()).toEqual(['leave bob {}'])
    expect(users()).toEqual(['ada'])
  })

  it('that comes back within the grace was never away', async () => {
    const [before, after] = [{}, {}]
    roster.enter(ROOM, 'ada', before, { a: 1 })
    const { since } = roster.member(ROOM, 'ada')!
    taken()
    roster.lose(ROOM, 'ada', before)
    await clock.advance(GRACE_MS - 1)
    roster.enter(ROOM, 'ada', after, { a: 1 })
    await clock.advance(GRACE_MS * 2)
    expect(told()).toEqual([])
    expect(roster.member(ROOM, 'ada')).toMatchObject({ since, clients: 1 })
  })

  it('that comes back with other data is updated, and keeps them when it brings none', () => {
    const [before, after, third] = [{}, {}, {}]
    roster.enter(ROOM, 'ada', before, { a: 1 })
    taken()
    roster.lose(ROOM, 'ada', before)
    roster.enter(ROOM, 'ada', after, { a: 2 })
    roster.enter(ROOM, 'ada', third, undefined)
    expect(told()).toEqual(['update ada {"a":2}'])
  })

  it('leaves at once when its last client says so', () => {
    const [phone, laptop] = [{}, {}]
    roster.enter(ROOM, 'ada', phone, { a: 1 })
    roster.enter(ROOM, 'ada', laptop, { a: 1 })
    taken()
    roster.lose(ROOM, 'ada', phone)
    roster.leave(ROOM, 'ada', laptop)
    expect(told()).toEqual(['leave ada {"a":1}'])
  })

  it('cannot be updated or ended by who is not one of its clients', () => {
    roster.enter(ROOM, 'ada', {}, { a: 1 })
    const stranger = {}
    expect(() => roster.update(ROOM, 'ada', stranger, {})).toThrow('presence_enter')
    roster.leave(ROOM, 'ada', stranger)
    roster.lose(ROOM, 'ada', stranger)
    expect(roster.member(ROOM, 'ada')).toMatchObject({ clients: 1, data: { a: 1 } })
  })
})

describe('bounds', () => {
  it('refuse one member too many, and let in those who are there already', () => {
    const [first, second] = [{}, {}]
    for (const user of ['a', 'b', 'c']) roster.enter(ROOM, user, { user }, undefined)
    expect(() => roster.enter(ROOM, 'd', first, undefined)).toThrow(/no more fit/)
    roster.enter(ROOM, 'c', second, undefined)
    expect(users()).toEqual(['a', 'b', 'c'])
    roster.enter('chat:b', 'd', first, undefined)
  })

  it('refuse a client one channel too many, and count what it left', () => {
    const client = {}
    for (const n of [1, 2, 3, 4]) roster.enter(`chat:${n}`, 'ada', client, undefined)
    expect(() => roster.enter('chat:5', 'ada', client, undefined)).toThrow(/4 channels/)
    expect(roster.count('chat:5')).toBe(0)
    roster.enter('chat:4', 'ada', client, { again: true })
    roster.leave('chat:1', 'ada', client)
    roster.enter('chat:5', 'ada', client, undefined)
  })

  it('cut pages by number and by bytes, of which each has at least one member', () => {
    for (const user of ['b', 'c', 'a']) roster.enter(ROOM, user, { user }, { user })
    const page = (after: string | undefined, limit: number, maxBytes = 1e9) => {
      const { members, count, more } = roster.page(ROOM, { after, limit, maxBytes })
      return [members.map(({ user }) => user).join(''), count, more]
    }
    expect(page(undefined, 2)).toEqual(['ab', 3, true])
    expect(page('b', 2)).toEqual(['c', 3, false])
    expect(page('bb', 2)).toEqual(['c', 3, false])
    expect(page('c', 2)).toEqual(['', 3, false])
    expect(page(undefined, 0)).toEqual(['', 3, true])
    expect(page(undefined, 3, 1)).toEqual(['a', 3, true])
  })
})

describe('changes', () => {
  it('that cancel each other are not told', () => {
    const client = {}
    roster.enter(ROOM, 'ada', client, { a: 1 })
    roster.leave(ROOM, 'ada', client)
    expect(told()).toEqual([])
  })

  it('that cancel each other are told when a list showed what lay in between', () => {
    const [ada, bob] = [{}, {}]
    roster.enter(ROOM, 'bob', bob, { b: 1 })
    taken()
    roster.enter(ROOM, 'ada', ada, { a: 1 })
    roster.update(ROOM, 'bob', bob, { b: 2 })
    changes.listed()
    roster.leave(ROOM, 'ada', ada)
    roster.update(ROOM, 'bob', bob, { b: 1 })
    expect(told()).toEqual(['leave ada {"a":1}', 'update bob {"b":1}'])
  })

  it('that are too many for once wait, oldest first, as they are by then', () => {
    const client = {}
    roster.enter(ROOM, 'ada', {}, { a: 1 })
    roster.enter(ROOM, 'bob', client, { b: 1 })
    const one = changes.take(1, (user) => roster.member(ROOM, user))
    expect(one.map(({ user }) => user)).toEqual(['ada'])
    roster.update(ROOM, 'bob', client, { b: 2 })
    expect(told()).toEqual(['enter bob {"b":2}'])
  })
})

/** What one reader knows: a list of any pages, and the changes since its first page. */
class Reader {
  readonly members = new Map<string, string>()
  #after: string | undefined
  #started = false
  #done = false

  read(): void {
    if (this.#done) return
    this.#started = true
    changes.listed()
    const page = roster.page(ROOM, { after: this.#after, limit: 2, maxBytes: 1e9 })
    for (const { user, data } of page.members) this.members.set(user, JSON.stringify(data))
    this.#after = page.members.at(-1)?.user ?? this.#after
    this.#done = !page.more
  }

  readOn(): void {
    while (!this.#done) this.read()
  }

  hear({ action, user, data }: Change): void {
    if (!this.#started) return
    if (action === 'leave') this.members.delete(user)
    else this.members.set(user, JSON.stringify(data))
  }
}

/** Who should be there: clients with what they said, and since when the last one is lost. */
class Model {
  readonly users = new Map<string, { clients: Set<number>; data: string; lostAt: number }>()

  enter(user: string, client: number, data: JsonObject | undefined): void {
    const known = this.#present(user)
    const text = data === undefined ? (known?.data ?? '{}') : JSON.stringify(data)
    const clients = known?.clients ?? new Set()
    this.users.set(user, { clients: clients.add(client), data: text, lostAt: Infinity })
  }

  /** False for a client that is not there. */
  update(user: string, client: number, data: JsonObject): boolean {
    const known = this.users.get(user)
    if (!known?.clients.has(client)) return false
    known.data = JSON.stringify(data)
    return true
  }

  end(user: string, client: number, lost: boolean): void {
    const known = this.users.get(user)
    if (!known?.clients.delete(client) || known.clients.size > 0) return
    if (lost) known.lostAt = clock.steady()
    else this.users.delete(user)
  }

  members(): [string, string][] {
    for (const user of this.users.keys()) this.#present(user)
    return sorted([...this.users].map(([user, { data }]) => [user, data]))
  }

  #present(user: string) {
    const known = this.users.get(user)
    if (known === undefined || clock.steady() < known.lostAt + GRACE_MS) return known
    this.users.delete(user)
    return undefined
  }
}

const sorted = (members: [string, string][]): [string, string][] =>
  members.toSorted(([a], [b]) => (a < b ? -1 : 1))

function succeeds(run: () => void): boolean {
  try {
    run()
    return true
  } catch (error) {
    if (error instanceof ProtocolError) return false
    throw error
  }
}

const client = fc.nat({ max: 9 })
const data = fc.record({ n: fc.nat({ max: 2 }) })
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('enter'), client, data: fc.option(data) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('update'), client, data }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('leave', 'lose'), client }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.integer({ min: 1, max: 16_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tell'), bytes: fc.constantFrom(1, 1e9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('read'), reader: fc.nat({ max: 2 }) }) },
)
type Step = {
  do: string
  client?: number
  data?: JsonObject | null
  ms?: number
  bytes?: number
  reader?: number
}

it('who is there is who should be, and every list with the changes since is the same, whatever happens', async () => {
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 5, maxLength: 80, size: 'max' }),
    async (steps) => {
      clock = new FakeClock()
      changes = new Changes()
      roster = rosterOf(100, 100)
      const model = new Model()
      let agreed = true
      const readers = [new Reader(), new Reader(), new Reader()]
      // Ten clients of four users.
      const clients = Array.from({ length: 10 }, (_, id) => ({ id, user: `user-${id % 4}` }))
      const tell = (bytes: number): void => {
        const some = changes.take(bytes, (user) => roster.member(ROOM, user))
        for (const change of some) for (const reader of readers) reader.hear(change)
      }
      for (const {
        do: what,
        client: id = 0,
        ms = 0,
        bytes = 0,
        reader = 0,
        ...said
      } of steps as Step[]) {
        const one = clients[id]!
        if (what === 'enter') {
          roster.enter(ROOM, one.user, one, said.data ?? undefined)
          model.enter(one.user, id, said.data ?? undefined)
        } else if (what === 'update') {
          const updated = succeeds(() => roster.update(ROOM, one.user, one, said.data!))
          agreed &&= updated === model.update(one.user, id, said.data!)
        } else if (what === 'leave' || what === 'lose') {
          roster[what](ROOM, one.user, one)
          model.end(one.user, id, what === 'lose')
        } else if (what === 'wait') await clock.advance(ms)
        else if (what === 'tell') tell(bytes)
        else readers[reader]!.read()
        expect(agreed).toBe(true)
        const { members } = roster.page(ROOM, ALL)
        expect(members.map(({ user, data: seen }) => [user, JSON.stringify(seen)])).toEqual(
          model.members(),
        )
      }
      for (const reader of readers) reader.readOn()
      tell(1e9)
      for (const { members } of readers) expect(sorted([...members])).toEqual(model.members())
    },
  )
  // `SEQUENCES=nightly` has the time for more.
  const numRuns = process.env['SEQUENCES'] === 'nightly' ? 20_000 : 1_500
  await fc.assert(property, { numRuns })
}, 600_000)
