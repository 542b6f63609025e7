import { peopleServer } from '../people/server.ts'
import type { FaultProxy } from '../proxy/fault-proxy.ts'
import { standardLoad } from '../rig/load.ts'
import type { Report } from '../rig/report.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { pause } from '../rig/until.ts'
import { forged } from './presence/forged.ts'
import { Hall, type HallOptions } from './presence/hall.ts'
import type { Scenario, Size } from './scenario.ts'

interface Course extends HallOptions {
  /** Of the clients of the load beside it. */
  scale: number
  graceMs: number
  heartbeatMs: number
  /** Movements of devices, and for how long at a time. */
  perSecond: number
  churnMs: number
  kills: number
  /** Whether a network forgets its connections, which devices find out by silence alone: 10 s and their heartbeat. */
  strands: boolean
}

const SIZES: Readonly<Record<Size, Course>> = {
  small: {
    users: 30,
    channels: 2,
    networks: 3,
    scale: 0.1,
    graceMs: 1500,
    heartbeatMs: 1000,
    perSecond: 40,
    churnMs: 1000,
    kills: 1,
    strands: false,
  },
  large: {
    users: 300,
    channels: 3,
    networks: 3,
    scale: 0.3,
    graceMs: 15_000,
    heartbeatMs: 5000,
    perSecond: 50,
    churnMs: 8000,
    kills: 3,
    strands: true,
  },
}
/** For a pong, and what looking and a busy machine add. */
const SLACK_MS = 8000
/** What a device waits for beyond its heartbeat until it believes that nobody is there. */
const CLIENT_MS = 10_000
/** Changes of one member that may be told in a second. */
const TOLD_PER_SECOND = 10
const FIDGETS = 300

/** Users come and go over networks that fail, and the server is killed: in the end all know exactly who is there. */
export const presence: Scenario = {
  id: 'S36',
  title: 'presence: networks, kills and a crowd that comes and goes',
  run: play,
}

async function play(seed: number, size: Size): Promise<Report> {
  const course = SIZES[size]
  const { scale, graceMs, heartbeatMs } = course
  let hall: Hall | undefined
  try {
    return await run({
      scenario: 'S36',
      seed,
      load: { ...standardLoad('chat', scale), ratePerSecond: 10 },
      server: peopleServer({ graceMs, heartbeatMs }),
      faults: async (rig) => {
        hall = await Hall.open(rig, course)
        return new Evening(rig, hall, course).play()
      },
      after: async (rig) => (hall === undefined ? [] : settled(rig, hall, course)),
      rules: () => ({ maxResets: 0, maxEpochs: 1, minAcked: 50, minDelivered: 200 }),
    })
  } finally {
    await hall?.close()
  }
}

/** One after the other: everything that happens to them. */
class Evening {
  readonly #rig: Rig
  readonly #hall: Hall
  readonly #course: Course
  readonly #failures: string[] = []

  constructor(rig: Rig, hall: Hall, course: Course) {
    this.#rig = rig
    this.#hall = hall
    this.#course = course
  }

  async play(): Promise<string[]> {
    const { kills } = this.#course
    await this.#churn()
    await this.#severed()
    for (let i = 0; i < kills; i++) await this.#killed()
    await this.#cutOff()
    await this.#frozen()
    this.#failures.push(...(await forged(this.#hall)), ...this.#flaps())
    return this.#failures
  }

  /** Everybody is cut off at once, and back within the grace: nobody is said to have left. */
  async #severed(): Promise<void> {
    const { graceMs } = this.#course
    await this.#exact('churn', graceMs + SLACK_MS)
    const from = this.#hall.told.length
    this.#rig.note('networks severed')
    for (const network of this.#hall.networks) network.sever()
    await this.#fidget()
    await this.#hall.allLive()
    await pause(graceMs)
    this.#nobodyLeft(from, 'were cut off for a moment')
  }

  /** A killed server knows nobody when it is back: whoever comes back is there, and nobody else. */
  async #killed(): Promise<void> {
    await this.#churn()
    await this.#rig.killAndRestart(this.#rig.chance.between(0, 300))
    this.#rig.measure('exact after kill -9, ms', await this.#exact('kill -9', SLACK_MS))
  }

  /** One network is gone for longer than the grace, another forgets its connections; then the server dies, too. */
  async #cutOff(): Promise<void> {
    const { graceMs, heartbeatMs, strands } = this.#course
    const [gone, forgetful] = this.#hall.networks as [FaultProxy, FaultProxy]
    const noticedMs = 2 * heartbeatMs + graceMs + (strands ? CLIENT_MS : 0) + SLACK_MS
    const from = this.#hall.told.length
    this.#rig.note('a network is gone')
    const letGo = strands ? forgetful.strand() : undefined
    for (const stream of ['upstream', 'downstream'] as const) {
      gone.add({ type: 'timeout', timeout: 0, stream })
    }
    const ms = await this.#exact('a network was cut', noticedMs, gone)
    this.#rig.measure('exact after a network was cut, ms', ms)
    if (!this.#hall.told.slice(from).some(({ action }) => action === 'leave')) {
      this.#failures.push('Nobody was said to have left who was cut off for longer than the grace.')
    }
    await this.#rig.killAndRestart(100)
    await this.#exact('kill -9 while a network was cut', noticedMs, gone)
    letGo?.()
    gone.heal()
    await this.#hall.allLive()
    this.#rig.measure('exact after all came back, ms', await this.#exact('it came back', noticedMs))
  }

  /** The server stands still for a while, and wakes up to connections that ended long ago. */
  async #frozen(): Promise<void> {
    const { graceMs } = this.#course
    const from = this.#hall.told.length
    this.#rig.note('frozen')
    this.#rig.server.freeze()
    for (const network of this.#hall.networks) network.sever()
    await pause(graceMs / 2)
    this.#rig.server.thaw()
    await this.#hall.allLive()
    await this.#exact('the server stood still', graceMs + SLACK_MS)
    this.#nobodyLeft(from, 'were there while the server stood still')
  }

  /** A client that changes its data all the time is told of in intervals, and in the end with what it said last. */
  async #fidget(): Promise<void> {
    const [device] = this.#hall.steady
    const [channel] = this.#hall.channels
    if (device === undefined || channel === undefined) return
    const from = this.#hall.told.length
    const began = performance.now()
    for (let i = 0; i < FIDGETS; i++) {
      void device.client.request('presence_update', { channel, data: { word: `fidget ${i}` } })
      if (i % 10 === 9) await pause(20)
    }
    await device.speak(channel)
    await pause(200)
    const seconds = (performance.now() - began) / 1000
    const [observer] = this.#hall.observers
    const count = this.#hall.told.slice(from).filter((told) => {
      return told.observer === observer?.name && told.user === device.user
    }).length
    this.#rig.measure('changes told of one who fidgets', count)
    if (count > TOLD_PER_SECOND * seconds + 3) {
      this.#failures.push(`${FIDGETS} changes of a member were told as ${count} in ${seconds} s.`)
    }
    if (count < 2) this.#failures.push('Nobody was told of a member that changed.')
  }

  async #churn(): Promise<void> {
    const { perSecond, churnMs } = this.#course
    await this.#hall.churn(perSecond, churnMs, this.#rig.chance)
  }

  async #exact(after: string, withinMs: number, cut?: FaultProxy): Promise<number> {
    try {
      return await this.#hall.exact(withinMs, cut)
    } catch (error) {
      this.#failures.push(`After ${after}: ${error instanceof Error ? error.message : 'broken'}`)
      return withinMs
    }
  }

  /** Of those who are there now. */
  #nobodyLeft(from: number, who: string): void {
    const gone = this.#hall.told
      .slice(from)
      .filter(({ action, channel, user }) => {
        return action === 'leave' && this.#hall.expected(channel).has(user)
      })
      .map(({ user }) => user)
    if (gone.length > 0) {
      this.#failures.push(
        `They ${who}, and were said to have left: ${[...new Set(gone)].join(', ')}.`,
      )
    }
  }

  /** Who has a device that stays never leaves, whatever the other one does. */
  #flaps(): string[] {
    const steady = new Set(this.#hall.steady.map(({ user }) => user))
    const left = this.#hall.told.filter(
      ({ action, user }) => action === 'leave' && steady.has(user),
    )
    return left.map(({ user, channel }) => `${user} was said to have left ${channel}.`)
  }
}

/** Healed and silent: the last word of each is what everybody knows. */
async function settled(rig: Rig, hall: Hall, { graceMs, users }: Course): Promise<string[]> {
  await hall.allLive()
  await hall.lastWords()
  rig.measure('exact in the end, ms', await hall.exact(graceMs + SLACK_MS))
  const wrong: string[] = []
  for (const channel of hall.channels) {
    const said = hall.words(channel)
    const [observer] = hall.observers
    for (const [user, word] of observer?.tableOf(channel) ?? []) {
      if (said.get(user)?.has(word) !== true) wrong.push(`${user} did not say ${word}.`)
    }
    if (said.size < users / 4) wrong.push(`Only ${said.size} are in ${channel}.`)
  }
  const leaves = hall.told.filter(({ action }) => action === 'leave').length
  if (leaves < users / 10) wrong.push(`Only ${leaves} leaves were told: nothing was proven.`)
  return wrong
}
