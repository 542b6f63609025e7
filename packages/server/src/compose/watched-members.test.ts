import { expect, it, onTestFinished } from 'vitest'
import { createServerKey } from '../auth/server-keys.ts'
import type { Feature } from '../handlers.ts'
import { Device } from '../testing/device.ts'
import { startTestServer } from '../testing/index.ts'

const { key, ...known } = createServerKey('app')
const CHANNEL = 'team:red'

it('there are none of a channel whose namespace does not exist', async () => {
  const { server, url, close } = await startTestServer({ auth: { server_keys: [known] } })
  onTestFinished(close)
  const headers = { authorization: `Bearer ${key}` }
  for (const [method, path] of [
    ['GET', 'members'],
    ['PUT', 'members/ada'],
    ['DELETE', 'members/ada'],
  ] as const) {
    const answer = await fetch(`${url}/v1/channels/nope:7/${path}`, { method, headers })
    expect([method, answer.status, await answer.json()]).toMatchObject([
      method,
      404,
      { code: 4012 },
    ])
  }
  expect(await server.isMember('nope:7', 'ada')).toBe(false)
})

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
