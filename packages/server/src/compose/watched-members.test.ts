import { expect, it, onTestFinished } from 'vitest'
import { createServerKey } from '../auth/server-keys.ts'
import type { Feature } from '../handlers.ts'
import { Device } from '../testing/device.ts'
import { startTestServer } from '../testing/index.ts'

const { key, ...known } = createServerKey('app')
const CHANNEL = 'team:red'

it.each(['the application', 'a backend'])(
  'who is removed by %s loses the rights at once, however slow those are who are told of it',
  async (by) => {
    let finish = (): void => undefined
    const finished = new Promise<void>((resolve) => (finish = resolve))
    const slow: Feature = {
      name: 'slow',
      setup: (server) =>
        void server.watchMembers('team', ({ isMember }) => (isMember ? undefined : finished)),
    }
    const { server, url, token, close } = await startTestServer({
      features: [slow],
      namespaces: { team: { subscribe: 'member' } },
      auth: { server_keys: [known] },
    })
    onTestFinished(close)
    await server.addMember(CHANNEL, 'ada')
    const device = await Device.connect(url, await token('ada'))
    onTestFinished(() => device.close())
    await device.ask('subscribe', { channel: CHANNEL })
    const remove = async (): Promise<void> => {
      if (by === 'the application') return void (await server.removeMember(CHANNEL, 'ada'))
      const headers = { authorization: `Bearer ${key}` }
      await fetch(`${url}/v1/channels/${CHANNEL}/members/ada`, { method: 'DELETE', headers })
    }
    let isAnswered = false
    const removed = remove().then(() => (isAnswered = true))
    expect((await device.next('unsubscribed')).payload).toMatchObject({ channel: CHANNEL })
    expect(isAnswered).toBe(false)
    finish()
    await removed
  },
)
