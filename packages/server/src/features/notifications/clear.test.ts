import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Device, type DeviceFrame } from '../../testing/device.ts'
import { startTestServer } from '../../testing/index.ts'
import { type Notification, notifications, type NotificationsOptions } from './index.ts'

type Durability = 'none' | 'memory' | 'durable'

const HOUR_MS = 3_600_000

/** Ada's inbox, and what its log brings. */
async function start(options: NotificationsOptions = {}, durability: Durability = 'memory') {
  const inbox = notifications(options)
  const running = await startTestServer({
    features: [inbox],
    namespaces: { user: { durability, publish: 'server', subscribe: 'owner' } },
  })
  onTestFinished(running.close)
  const device = await Device.connect(running.url, await running.token('ada'))
  onTestFinished(() => device.close())
  const history = async () => {
    const { payload } = await device.ask('history', { channel: 'user:ada' })
    return payload as unknown as { epoch: string; publications: DeviceFrame[] }
  }
  return {
    server: running.server,
    device,
    history,
    send: (id: string) => inbox.send('ada', { kind: 'a', title: id, body: `text of ${id}`, id }),
    clear: (id: string) => running.server.service('clearNotification')!(id),
    log: async () => (await history()).publications,
    inbox: async () => {
      const { payload } = await device.ask('notifications_list', {})
      return payload['notifications'] as unknown as Notification[]
    },
  }
}

describe('a notification whose text is taken out', () => {
  it.each(['memory', 'durable'] as const)(
    'is there without it: in the inbox, in a %s history and in recovery',
    async (durability) => {
      const { device, send, clear, inbox, history } = await start({}, durability)
      await send('one')
      await clear('one')
      const { epoch, publications } = await history()
      expect(publications).toMatchObject([
        { type: 'notification', payload: { id: 'one', title: 'one', unread: 1 } },
      ])
      expect(await inbox()).toMatchObject([{ id: 'one' }])
      await device.ask('subscribe', { channel: 'user:ada', since: { epoch, offset: 0 } })
      const recovered = await device.next('notification')
      expect(recovered).toMatchObject({ payload: { id: 'one' }, metadata: { offset: 1 } })
      const everything = [publications, await inbox(), recovered, device.frames]
      expect(JSON.stringify(everything)).not.toContain('text of')
    },
  )

  it('leaves the others of its batch as they are, also when one more goes at the same time', async () => {
    const { send, clear, log } = await start({ burst: { windowMs: HOUR_MS, max: 4 } })
    await Promise.all(['0', '1', '2', '3', '4'].map((id) => send(id)))
    await Promise.all([clear('1'), clear('3')])
    const [first, batch] = await log()
    expect(first).toMatchObject({ payload: { id: '0', body: 'text of 0' } })
    const { a } = batch!.payload['groups'] as unknown as { a: Notification[] }
    expect(a.map(({ id, title, body }) => [id, title, body])).toEqual([
      ['1', '1', undefined],
      ['2', '2', 'text of 2'],
      ['3', '3', undefined],
      ['4', '4', 'text of 4'],
    ])
    expect(batch!.payload).toMatchObject({ order: ['1', '2', '3', '4'], unread: 5 })
  })

  it('is delivered without it when it still waits for others', async () => {
    const { device, send, clear, log } = await start({ burst: { windowMs: HOUR_MS } })
    for (const id of ['0', '1', '2']) await send(id)
    await clear('1')
    // What waits is told before a mark.
    await device.ask('notifications_mark_read', { ids: ['0'] })
    await expect.poll(async () => (await log()).length).toBe(3)
    const [, batch] = await log()
    const { a } = batch!.payload['groups'] as unknown as { a: Notification[] }
    expect(a.map(({ body }) => body)).toEqual([undefined, 'text of 2'])
  })

  it('is found behind a page of others', async () => {
    const { device, send, clear } = await start({ burst: { windowMs: HOUR_MS, max: 1 } })
    const first = async (): Promise<unknown> => {
      const asked = { channel: 'user:ada', after: 0, limit: 1 }
      const { payload } = await device.ask('history', asked)
      return (payload['publications'] as unknown as DeviceFrame[])[0]!.payload
    }
    await send('first')
    await Promise.all(Array.from({ length: 600 }, (_, n) => send(`${n}`)))
    expect(await first()).toMatchObject({ id: 'first', body: 'text of first' })
    await clear('first')
    expect(await first()).toMatchObject({ id: 'first' })
    expect(await first()).not.toHaveProperty('body')
  })

  it('is looked for where it was told, however much the log told before', async () => {
    const { server, device, send, clear } = await start({}, 'durable')
    await device.close()
    const say = (count: number): Promise<unknown> =>
      Promise.all(
        Array.from({ length: count }, () =>
          server.publish('user:ada', { type: 'said', payload: {} }),
        ),
      )
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const later = (): void => void vi.setSystemTime(Date.now() + 10 * HOUR_MS)
    await say(5000)
    later()
    await send('one')
    later()
    await say(100)
    const history = vi.spyOn(server, 'history')
    await clear('one')
    const pages = await Promise.all(history.mock.results.map(({ value }) => value))
    history.mockRestore()
    const read = pages.reduce((sum, { publications }) => sum + publications.length, 0)
    expect(read).toBeLessThan(1000)
    const { publications } = await server.history('user:ada', { after: 5000, limit: 1 })
    expect(publications).toMatchObject([{ type: 'notification', payload: { id: 'one' } }])
    expect(publications[0]!.payload).not.toHaveProperty('body')
  })

  it('needs no log for that', async () => {
    const { send, clear, inbox } = await start({}, 'none')
    await send('one')
    await clear('one')
    await clear('unknown')
    expect(await inbox()).toMatchObject([{ id: 'one' }])
    expect((await inbox())[0]).not.toHaveProperty('body')
  })
})
