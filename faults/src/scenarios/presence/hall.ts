import type { Chance } from '../../chance.ts'
import type { FaultProxy } from '../../proxy/fault-proxy.ts'
import type { Rig } from '../../rig/rig.ts'
import { pause, until } from '../../rig/until.ts'
import { Attendee, type Told } from './attendee.ts'
import { membersOf } from './members.ts'

export interface HallOptions {
  users: number
  channels: number
  /** Networks between the server and the devices that move. */
  networks: number
}

/** Every third user has a device that stays, and one that moves; the others have one or two that move. */
const STEADY_EVERY = 3
const OBSERVERS = 3
const LIVE_MS = 15_000

interface Mover {
  device: Attendee
  network: FaultProxy
}

/** Users who come and go in some channels over networks of their own, and some who watch from beside the server. */
export class Hall {
  readonly channels: readonly string[]
  readonly networks: readonly FaultProxy[]
  readonly observers: readonly Attendee[]
  /** Devices that stay: their users are present all the time, wherever else they are. */
  readonly steady: readonly Attendee[]
  /** What observers were told, in the order in which each of them was. */
  readonly told: (Told & { observer: string; at: number })[] = []
  #movers: Mover[] = []
  readonly #rig: Rig
  readonly #tokens: ReadonlyMap<string, string>
  #made = 0

  private constructor(
    rig: Rig,
    parts: { channels: string[]; networks: FaultProxy[]; tokens: Map<string, string> },
  ) {
    this.#rig = rig
    this.channels = parts.channels
    this.networks = parts.networks
    this.#tokens = parts.tokens
    const users = [...parts.tokens.keys()].filter((user) => !user.startsWith('observer'))
    this.observers = range(OBSERVERS).map((n) =>
      this.#device(`observer-${n}`, rig.server.url, true),
    )
    this.steady = users
      .filter((_, i) => i % STEADY_EVERY === 0)
      .map((user) => this.#device(user, rig.server.url))
    for (const user of users) this.#addMover(user, rig.chance)
    for (const user of users.filter((_, i) => i % 2 === 1)) this.#addMover(user, rig.chance)
  }

  static async open(rig: Rig, { users, channels, networks }: HallOptions): Promise<Hall> {
    const names = [
      ...range(users).map((n) => `user-${n}`),
      ...range(OBSERVERS).map((n) => `observer-${n}`),
    ]
    const tokens = new Map<string, string>()
    for (const name of names) tokens.set(name, await rig.server.token(name))
    const links: FaultProxy[] = []
    for (const n of range(networks)) links.push(await rig.link(`network ${n}`))
    const halls = range(channels).map((n) => `chat:hall-${n}`)
    const hall = new Hall(rig, { channels: halls, networks: links, tokens })
    await hall.allLive()
    for (const device of hall.steady) for (const channel of halls) void device.speak(channel)
    return hall
  }

  get devices(): Attendee[] {
    return [...this.observers, ...this.steady, ...this.#movers.map(({ device }) => device)]
  }

  /** All but those behind the network. */
  devicesBeside(cut: FaultProxy | undefined): Attendee[] {
    const reached = this.#movers.filter(({ network }) => network !== cut)
    return [...this.observers, ...this.steady, ...reached.map(({ device }) => device)]
  }

  async allLive(): Promise<void> {
    const away = (): string[] => this.devices.filter(({ live }) => !live).map(({ name }) => name)
    await until(
      () => away().length === 0,
      () => `Not live after ${LIVE_MS} ms: ${away().join(', ')}.`,
      LIVE_MS,
    )
  }

  /** Devices come, speak, leave and go without a word, so many times a second. */
  async churn(perSecond: number, forMs: number, chance: Chance): Promise<void> {
    const began = performance.now()
    const count = Math.round((perSecond * forMs) / 1000)
    for (let i = 0; i < count; i++) {
      this.#move(chance)
      await pause(began + ((i + chance.next()) * 1000) / perSecond - performance.now())
    }
  }

  /** Who should be there: user → on how many devices. */
  expected(channel: string, cut?: FaultProxy): Map<string, number> {
    const present = this.devicesBeside(cut).filter((device) => device.wordIn(channel) !== undefined)
    const table = new Map<string, number>()
    for (const { user } of present) table.set(user, (table.get(user) ?? 0) + 1)
    return table
  }

  /** What is not as it should be, as one sentence for each thing; of devices behind `cut` nobody knows. */
  async differences(cut?: FaultProxy): Promise<string[]> {
    const found = await Promise.all(
      this.channels.map(async (channel) => this.#differencesIn(channel, cut)),
    )
    return found.flat()
  }

  /** Resolves to the milliseconds until the server and every device know exactly who is there. */
  async exact(withinMs: number, cut?: FaultProxy): Promise<number> {
    const began = performance.now()
    let last: string[] = []
    await until(
      async () => (last = await this.differences(cut)).length === 0,
      () =>
        `Not exact after ${withinMs} ms: ${last.length} differences, ${last.slice(0, 5).join(' ')}`,
      withinMs,
    )
    return performance.now() - began
  }

  /** Everybody who is there says one thing more, which is what all have to know of them in the end. */
  async lastWords(): Promise<void> {
    for (const channel of this.channels) {
      const speakers = new Map<string, Attendee>()
      for (const device of this.devices) {
        if (device.wordIn(channel) !== undefined) speakers.set(device.user, device)
      }
      await Promise.all([...speakers.values()].map((device) => device.speak(channel)))
    }
  }

  /** User → the word that each of its devices says. */
  words(channel: string): Map<string, Set<string>> {
    const words = new Map<string, Set<string>>()
    for (const device of this.devices) {
      const word = device.wordIn(channel)
      if (word === undefined) continue
      words.set(device.user, (words.get(device.user) ?? new Set()).add(word))
    }
    return words
  }

  async close(): Promise<void> {
    await Promise.all(this.devices.map((device) => device.close()))
  }

  async #differencesIn(channel: string, cut: FaultProxy | undefined): Promise<string[]> {
    const { server, token } = this.#rig
    const members = await membersOf(server.url, token, channel)
    const expected = this.expected(channel, cut)
    const wrong: string[] = []
    for (const { user, clients } of members) {
      const devices = expected.get(user)
      if (devices === undefined) wrong.push(`${user} is a ghost in ${channel}.`)
      else if (devices !== clients) wrong.push(`${user} has ${devices} devices, not ${clients}.`)
    }
    const there = new Map(members.map(({ user, data }) => [user, data.word ?? '']))
    for (const user of expected.keys()) {
      if (!there.has(user)) wrong.push(`${user} is missing in ${channel}.`)
    }
    for (const device of this.devicesBeside(cut)) {
      const count = device.countOf(channel)
      if (count !== there.size) wrong.push(`${device.name} counts ${count} in ${channel}.`)
      const other = otherwise(device.tableOf(channel), there)
      if (other.length > 0) wrong.push(`${device.name} knows otherwise: ${other.join(', ')}.`)
    }
    return wrong
  }

  #move(chance: Chance): void {
    const i = chance.between(0, this.#movers.length - 1)
    const { device } = this.#movers[i]!
    const channel = chance.pick(this.channels)
    const action = chance.next()
    if (action < 0.5) void device.speak(channel)
    else if (action < 0.75) void device.leave(channel)
    else {
      void device.close()
      this.#movers.splice(i, 1)
      const next = this.#addMover(device.user, chance)
      if (chance.happens(0.7)) void next.speak(channel)
    }
  }

  #addMover(user: string, chance: Chance): Attendee {
    const network = chance.pick(this.networks)
    const device = this.#device(user, network.url)
    this.#movers.push({ device, network })
    return device
  }

  #device(user: string, url: string, observes = false): Attendee {
    this.#made += 1
    const name = `${user}/${this.#made}`
    const { channels } = this
    const { answers } = this.#rig
    const token = this.#tokens.get(user)!
    const onTold = (told: Told): void => {
      this.told.push({ ...told, observer: name, at: performance.now() })
    }
    const watched = observes ? { onTold } : {}
    return new Attendee({ name, user, url, token, channels, answers, ...watched })
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

/** Users of whom both say different things: `user: here, there`. */
function otherwise(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  const users = new Set([...a.keys(), ...b.keys()])
  return [...users]
    .filter((user) => a.get(user) !== b.get(user))
    .map((user) => `${user}: ${a.get(user) ?? 'absent'}, not ${b.get(user) ?? 'absent'}`)
}
