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
    { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  ),
  { minLength: 5, maxLength: 40 },
)

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
  readonly #sent = new Map<string, string[]>(USERS.map((name) => [name, []]))
  #inbox!: Notifications
  #server!: TestServer
  #devices: { user: string; device: Device; view: View }[] = []
  #count = 0

  async start(): Promise<void> {
    this.#inbox = notifications({ keep: KEEP, burst: { windowMs: 20 } })
    this.#server = await startTestServer({
      data: this.#data,
      features: [this.#inbox],
      no_limits: true,
    })
    this.#devices = await Promise.all(
      [...USERS, ...USERS].map(async (name) => {
        const device = await Device.connect(this.#server.url, await this.#server.token(name))
        const view = new View()
        await device.ask('subscribe', { channel: `user:${name}` })
        // Until the count, everything is news of before.
        await device.until(() => device.frames.find(({ type }) => type === 'unread_count'))
        return { user: name, device, view }
      }),
    )
  }

  async stop(): Promise<void> {
    await Promise.all(this.#devices.map(({ device }) => device.close()))
    await this.#server.close()
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

  /** The inbox, each device and a recount tell the same. */
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
        const newest = inbox.filter(({ id, read }) => !read && !view.items.has(id))
        return newest.length === 0 && view.unread === page['unread'] ? view : undefined
      })
      expect(settled.doubled).toEqual([])
      for (const { id, read } of inbox) {
        const known = settled.items.get(id)
        if (known !== undefined) expect(known.read).toBe(read)
      }
    }
  }

  async #send(users: string[], kind: string): Promise<void> {
    this.#count += 1
    const id = `n${this.#count}`
    // In the order in which they were sent, which is that of the inboxes.
    for (const name of users) this.#sent.get(name)!.push(id)
    await this.#inbox.send(users, { kind, title: id, id })
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
      headers: { authorization: `Bearer ${await this.#server.token(name)}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    expect(response.status).toBe(200)
    return (await response.json()) as Record<string, unknown>
  }
}

it(
  'whatever is sent, read and restarted: state and events, the inbox, and a recount agree',
  { timeout: 60_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const world = new World()
        await world.start()
        try {
          for (const step of sequence) await world.run(step)
          for (const name of USERS) await world.check(name)
        } finally {
          await world.stop()
          world.remove()
        }
      }),
      { numRuns: 12 },
    )
  },
)
