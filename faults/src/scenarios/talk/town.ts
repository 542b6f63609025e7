import { PushService } from '@tidewire/server/testing'
import type { Chance } from '../../chance.ts'
import type { FaultProxy } from '../../proxy/fault-proxy.ts'
import type { Rig } from '../../rig/rig.ts'
import { pause, until } from '../../rig/until.ts'
import { insist } from './http.ts'
import { type Marked, Person } from './person.ts'

export interface TownOptions {
  people: number
  rooms: number
  /** Users who follow the star, and have no device. */
  followers: number
  /** Users who have a browser that is pushed to, and no device. */
  away: number
  /** Sends notifications. */
  serverKey: string
}

const LIVE_MS = 20_000
const EMOJI = ['👍', '🌊', '🎉']
/** What the push service answers first; whatever comes then is taken. */
const ANSWERS = 80
/** The probability that it says that it cannot. */
const FAILS = 0.3
/** Follows that are asked for at the same time. */
const AT_ONCE = 40

/** One notification that an application sent, to whom, and whether it was told that it is kept. */
export interface Note {
  id: string
  users: readonly string[]
  kept: boolean
}

/** People who talk, read and react, an application that notifies them, and a star that many follow. */
export class Town {
  readonly options: TownOptions
  readonly tokens: ReadonlyMap<string, string>
  readonly network: FaultProxy
  readonly push: PushService
  readonly people: readonly Person[]
  readonly star: string
  readonly rooms: readonly string[]
  readonly marked: Marked[] = []
  readonly notes: Note[] = []
  readonly #rig: Rig
  #doing = new Set<Promise<unknown>>()
  #said = 0

  private constructor(
    rig: Rig,
    options: TownOptions,
    parts: { tokens: Map<string, string>; network: FaultProxy; push: PushService },
  ) {
    this.#rig = rig
    this.options = options
    this.tokens = parts.tokens
    this.network = parts.network
    this.push = parts.push
    // One of the rooms is where the publications of the load go.
    const [shared] = rig.channels
    this.rooms = [
      ...range(options.rooms).map((n) => `square-${n}`),
      ...(shared === undefined ? [] : [shared.slice('chat:'.length)]),
    ]
    const users = range(options.people).map((n) => `person-${n}`)
    this.star = users[0] ?? ''
    // Every other one has a second device, beside the server.
    this.people = users.flatMap((user, i) => {
      const urls = [parts.network.url, ...(i % 2 === 0 ? [rig.server.url] : [])]
      return urls.map((url, n) => this.#person(`${user}/${n}`, user, url, users))
    })
  }

  static async open(rig: Rig, options: TownOptions): Promise<Town> {
    const users = [
      ...range(options.people).map((n) => `person-${n}`),
      ...range(options.followers).map((n) => `follower-${n}`),
      ...range(options.away).map((n) => `away-${n}`),
    ]
    const tokens = new Map<string, string>()
    await inParts(users, async (user) => {
      tokens.set(user, await rig.server.token(user))
    })
    const parts = { tokens, network: await rig.link('town'), push: await PushService.start() }
    const town = new Town(rig, options, parts)
    await town.#follow()
    await town.#subscribeBrowsers()
    await Promise.all(town.people.map((person) => person.enter()))
    await town.allLive()
    return town
  }

  async allLive(): Promise<void> {
    const away = (): string[] => this.people.filter(({ live }) => !live).map(({ name }) => name)
    await until(
      () => away().length === 0,
      () => `Not live after ${LIVE_MS} ms: ${away().join(', ')}.`,
      LIVE_MS,
    )
  }

  /** Everybody does something, so many times a second. */
  async live(perSecond: number, forMs: number, chance: Chance): Promise<void> {
    const began = performance.now()
    const count = Math.round((perSecond * forMs) / 1000)
    for (let i = 0; i < count; i++) {
      this.#doing.add(this.#act(chance))
      await pause(began + ((i + chance.next()) * 1000) / perSecond - performance.now())
    }
  }

  /** Resolves when everything that was begun was answered. */
  async settled(): Promise<void> {
    await Promise.all(this.#doing)
    this.#doing = new Set()
  }

  async close(): Promise<void> {
    await Promise.all(this.people.map((person) => person.close()))
    await this.push.close()
  }

  async #act(chance: Chance): Promise<void> {
    const person = chance.pick(this.people)
    const action = chance.next()
    if (action < 0.35) return this.#say(person, chance)
    if (action < 0.5) return this.#change(person, chance)
    if (action < 0.75) return this.#read(person, chance)
    if (action < 0.87) return this.#notify(chance)
    if (action < 0.97) return this.#open(person, chance)
    return this.#post()
  }

  async #say(person: Person, chance: Chance): Promise<void> {
    this.#said += 1
    const others = [...this.tokens.keys()].filter((user) => user.startsWith('person-'))
    const mention = chance.happens(0.3) ? ` @${chance.pick(others)}` : ''
    const own = [...person.rooms].filter(([channel]) => !this.#rig.channels.includes(channel))
    const [, room] = chance.pick(own)
    room.send(`word ${this.#said}${mention}`)
  }

  /** Edits, deletes or reacts; what is not here any more is refused. */
  async #change(person: Person, chance: Chance): Promise<void> {
    const [, room] = chance.pick([...person.rooms])
    const messages = room.snapshot.messages.filter(({ offset }) => offset !== undefined)
    if (messages.length === 0 || this.#rig.channels.includes(room.channel.name)) return
    const own = messages.filter(({ user }) => user === person.user)
    const what = chance.next()
    if (what < 0.5 || own.length === 0) {
      const { id } = chance.pick(messages)
      const remove = chance.happens(0.3)
      return person.attempt(room.react(id, chance.pick(EMOJI), { remove }), 4012)
    }
    const { id } = chance.pick(own)
    if (what < 0.8) return person.attempt(room.edit(id, `edited ${this.#said} @${this.star}`), 4012)
    return person.attempt(room.remove(id), 4012)
  }

  /** As an application does, or once more, or late. */
  async #read(person: Person, chance: Chance): Promise<void> {
    const [channel, room] = chance.pick([...person.rooms])
    const top = room.channel.position?.offset ?? 0
    if (chance.happens(0.5)) return room.markRead(Math.max(0, top - chance.between(0, 5)))
    const marked = await person.mark(channel, Math.max(0, top - chance.between(0, 30)))
    if (marked !== undefined) this.marked.push(marked)
  }

  /** The application repeats it until it is told that it is kept. */
  async #notify(chance: Chance): Promise<void> {
    const everybody = [...this.tokens.keys()].filter((user) => !user.startsWith('follower-'))
    const users = chance.sample(everybody, chance.between(1, everybody.length))
    const note: Note = { id: `note-${this.notes.length}`, users, kept: false }
    this.notes.push(note)
    const body = { users, kind: chance.pick(['a', 'b']), title: note.id, id: note.id }
    await insist(this.#rig.server.url, this.options.serverKey, 'POST', '/v1/notifications', body)
    note.kept = true
  }

  async #open(person: Person, chance: Chance): Promise<void> {
    const ids = person.inbox.items.filter(({ read }) => !read).map(({ id }) => id)
    if (ids.length === 0) return
    const some = chance.sample(ids, chance.between(1, 3))
    await person.attempt(person.inbox.markRead(chance.happens(0.1) ? 'all' : some))
  }

  async #post(): Promise<void> {
    const device = this.people.find(({ user }) => user === this.star)
    if (device === undefined) return
    this.#said += 1
    await device.attempt(device.feed.post({ verb: 'said', object: `thing:${this.#said}` }))
  }

  async #follow(): Promise<void> {
    const others = [...this.tokens].filter(([user]) => {
      return user !== this.star && !user.startsWith('away-')
    })
    await inParts(others, async ([user, token]) => {
      const path = `/v1/feeds/${user}/following/${this.star}`
      await insist(this.#rig.server.url, token, 'PUT', path)
    })
  }

  async #subscribeBrowsers(): Promise<void> {
    const { url } = this.#rig.server
    const path = '/v1/notifications/push'
    for (const [user, token] of this.tokens) {
      if (!user.startsWith('away-')) continue
      const { public_key } = await insist<{ public_key: string }>(url, token, 'GET', path)
      this.push.applicationServerKey = public_key
      await insist(url, token, 'POST', path, this.push.subscription(user))
    }
    const chance = this.#rig.chance.fork('push')
    this.push.answers = range(ANSWERS).map(() => {
      return { status: chance.happens(FAILS) ? chance.pick([500, 503]) : 201 }
    })
  }

  #person(name: string, user: string, url: string, users: readonly string[]): Person {
    const { rooms } = this
    const at = users.indexOf(user)
    // Two and two are friends.
    const friend = users[at % 2 === 0 ? (at + 1) % users.length : at - 1] ?? user
    const token = this.tokens.get(user) ?? ''
    const { answers } = this.#rig
    return new Person({ name, user, url, token, rooms, friend, answers })
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

async function inParts<T>(all: readonly T[], each: (one: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < all.length; i += AT_ONCE) {
    await Promise.all(all.slice(i, i + AT_ONCE).map(each))
  }
}
