import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Device, type DeviceFrame } from '../../testing/device.ts'
import { startTestServer, type TestServer } from '../../testing/index.ts'
import { type Notification, type Notifications, notifications } from './index.ts'

const KEEP = 8
const USERS = ['ada', 'bob']
/** `SEQUENCES=nightly` has the time for more. */
const NIGHTLY = process.env['SEQUENCES'] === 'nightly'
const TIMEOUT_MS = NIGHTLY ? 3_600_000 : 180_000

type Step =
  | { do: 'send'; users: string[]; kind: string }
  | { do: 'burst'; user: string; count: number }
  | { do: 'read'; user: string; picks: number[] }
  | { do: 'readAll'; user: string }
  | { do: 'check'; user: string }
  | { do: 'restart' }

const user = fc.constantFrom(...USERS)
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('send' as const),
        users: fc.subarray(USERS, { minLength: 1 }),
        kind: fc.constantFrom('a', 'b'),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('burst' as const),
        user,
        count: fc.integer({ min: 2, max: 6 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('read' as const),
        user,
        picks: fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('readAll' as const), user }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('check' as const), user }) },
  ),
  { minLength: 5, maxLength: 30 },
)
/** A restart takes as long as a hundred other steps. */
const restart = fc.nat(20).map((n) => (n === 0 ? [{ do: 'restart' as const }] : []))
const sequence = fc.tuple(steps, restart, steps).map((parts): Step[] => parts.flat())

/** What an app knows that listens and never asks again. */
class View {
  readonly items = new Map<string, Notification>()
  unread = 0
  /** Ids that were delivered more than once while this listened. */
  readonly doubled: string[] = []
  readonly #delivered = new Set<string>()

  take({ type, payload, metadata }: DeviceFrame): void {
    const live = metadata['offset'] !== undefined
    if (type === 'notification') this.#add([payload as unknown as Notification], live)
    if (type === 'notifications_batch') {
      this.#add(Object.values(payload['groups'] as object).flat() as Notification[], live)
    }
    if (typeof payload['unread'] === 'number' && live) this.unread = payload['unread']
    if (type !== 'unread_count') return
    this.unread = payload['count'] as number
    const read = payload['read'] as string[] | 'all' | undefined
    const ids = read === 'all' ? [...this.items.keys()] : (read ?? [])
    for (const id of ids) {
      const item = this.items.get(id)
      if (item !== undefined) this.items.set(id, { ...item, read: true })
    }
  }

  #add(notifications: Notification[], live: boolean): void {
    for (const notification of notifications) {
      const { id } = notification
      if (live && this.#delivered.has(id)) this.doubled.push(id)
      if (live) this.#delivered.add(id)
      if (!this.items.has(id)) this.items.set(id, notification)
    }
  }
}

class World {
  readonly #data = mkdtempSync(join(tmpdir(), 'tidewire-random-'))
  #sent = new Map<string, string[]>()
  #inbox!: Notifications
  #server!: TestServer
  #devices: { user: string; device: Device; view: View }[] = []
  #count = 0
  #rounds = 0

  /** With users who have nothing in their inboxes yet. */
  async anew(): Promise<void> {
    await this.#leave()
    this.#rounds += 1
    this.#sent = new Map(USERS.map((name) => [name, []]))
    await this.#connect()
  }

  async start(): Promise<void> {
    this.#inbox = notifications({ keep: KEEP, burst: { windowMs: 20 } })
    this.#server = await startTestServer({
      data: this.#data,
      features: [this.#inbox],
      no_limits: true,
    })
    await this.#connect()
  }

  async #connect(): Promise<void> {
    this.#devices = await Promise.all(
      [...USERS, ...USERS].map(async (name) => {
        const user = this.#idOf(name)
        const device = await Device.connect(this.#server.url, await this.#server.token(user))
        const view = new View()
        await device.ask('subscribe', { channel: `user:${user}` })
        // Until the count, everything is news of before.
        await device.until(() => device.frames.find(({ type }) => type === 'unread_count'))
        return { user: name, device, view }
      }),
    )
  }

  async stop(): Promise<void> {
    await this.#leave()
    await this.#server.close()
  }

  async #leave(): Promise<void> {
    await Promise.all(this.#devices.map(({ device }) => device.close()))
    this.#devices = []
  }

  #idOf(name: string): string {
    return `${name}-${this.#rounds}`
  }

  remove(): void {
    rmSync(this.#data, { recursive: true, force: true })
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'send':
        return this.#send(step.users, step.kind)
      case 'burst':
        await Promise.all(
          Array.from({ length: step.count }, () => this.#send([step.user], 'burst')),
        )
        return
      case 'read': {
        const known = this.#sent.get(step.user)!
        const ids = step.picks.flatMap((pick) => known.at(-1 - pick) ?? [])
        if (ids.length > 0) await this.#mark(step.user, ids)
        return
      }
      case 'readAll':
        return this.#mark(step.user, 'all')
      case 'check':
        return this.check(step.user)
      case 'restart':
        await this.stop()
        return this.start()
    }
  }

  /** The inbox and a recount tell the same, and in the end each device. */
  async check(name: string): Promise<void> {
    const page = await this.#ask(name, 'GET', '')
    const inbox = page['notifications'] as Notification[]
    const expected = this.#sent.get(name)!.slice(-KEEP).toReversed()
    expect(inbox.map(({ id }) => id)).toEqual(expected)
    expect(page['unread']).toBe(inbox.filter(({ read }) => !read).length)
    for (const { user: owner, device, view } of this.#devices) {
      if (owner !== name) continue
      const settled = await device.until(() => {
        for (const frame of device.frames.splice(0)) view.take(frame)
        const isNew = inbox.some(({ id, read }) => !read && !view.items.has(id))
        const isOther = inbox.some(({ id, read }) => (view.items.get(id)?.read ?? read) !== read)
        return !isNew && !isOther && view.unread === page['unread'] ? view : undefined
      })
      expect(settled.doubled).toEqual([])
    }
  }

  async #send(users: string[], kind: string): Promise<void> {
    this.#count += 1
    const id = `n${this.#count}`
    // In the order in which they were sent, which is that of the inboxes.
    for (const name of users) this.#sent.get(name)!.push(id)
    const ids = users.map((name) => this.#idOf(name))
    await this.#inbox.send(ids, { kind, title: id, id })
  }

  async #mark(name: string, ids: string[] | 'all'): Promise<void> {
    await this.#ask(name, 'POST', '/read', { ids })
  }

  async #ask(
    name: string,
    method: string,
    path: string,
    body?: object,
  ): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.#server.url}/v1/notifications${path}`, {
      method,
      headers: { authorization: `Bearer ${await this.#server.token(this.#idOf(name))}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    expect(response.status).toBe(200)
    return (await response.json()) as Record<string, unknown>
  }
}

it(
  'whatever is sent, read and restarted: state and events, the inbox, and a recount agree',
  async () => {
    const world = new World()
    await world.start()
    const property = fc.asyncProperty(sequence, async (all) => {
      await world.anew()
      for (const step of all) await world.run(step)
      for (const name of USERS) await world.check(name)
    })
    try {
      await fc.assert(property, { numRuns: NIGHTLY ? 1_500 : 100, endOnFailure: true })
    } finally {
      await world.stop()
      world.remove()
    }
  },
  TIMEOUT_MS,
)
