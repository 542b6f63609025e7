import { afterEach, describe, expect, it } from 'vitest'
import { type App, Meetings, until, WEB_SOCKETS } from './app.ts'
import { named } from './named.ts'
import { CLIENT_CONNECTION, CLIENT_GIVES_UP } from './vectors/client-connection.ts'
import { CLIENT_MISTYPED, CLIENT_STREAM } from './vectors/client-stream.ts'

const ALL = [1, 2, 3, 4]
const meetings = new Meetings()
afterEach(() => meetings.end())

describe.each(WEB_SOCKETS)('a client with %s', (_, WebSocket) => {
  const subscribe = (app: App): Promise<string> =>
    app.channel.subscribe({ since: { epoch: 'e1', offset: 0 } }).then(
      () => 'subscribed',
      (error: { reason: string }) => error.reason,
    )
  const told = ({ states, delivered, resets }: App) => ({ states, delivered, resets })

  it.each(named([...CLIENT_CONNECTION, ...CLIENT_STREAM]))(
    'keeps its promise to the app: %s',
    async (_, { calls, lost = [], delivered = ALL, resets = [], errors = [] }) => {
      const { mirror, app } = await meetings.meet(calls, { WebSocket })
      const subscribed = subscribe(app)
      await until(
        () => app.delivered.length >= delivered.length - 1,
        () => told(app),
      )
      mirror.publish()
      await until(
        () => app.delivered.length >= delivered.length,
        () => told(app),
      )
      // Its ack comes behind whatever else the server still sent.
      await app.channel.publish('done', {})
      expect(app.delivered).toEqual(delivered)
      expect(app.resets).toEqual(resets)
      expect(app.errors).toEqual(errors)
      expect(app.lost).toEqual(lost)
      expect(await subscribed).toBe('subscribed')
      expect(mirror.faults).toEqual([])
    },
  )

  it.each(named(CLIENT_GIVES_UP))('gives up: %s', async (_, { calls, fails, delivered }) => {
    const { mirror, app } = await meetings.meet(calls, { WebSocket })
    const subscribed = subscribe(app)
    await until(
      () => app.state === 'failed',
      () => told(app),
    )
    expect(app.client.state).toMatchObject({ reason: fails, error: { reason: fails } })
    expect(app.delivered).toEqual(delivered)
    expect(await subscribed).toBe(delivered.length > 0 ? 'subscribed' : fails)
    await expect(app.channel.publish('done', {})).rejects.toMatchObject({ reason: fails })
    expect(mirror.callers).toHaveLength(calls.length)
  })

  it.each(named(CLIENT_MISTYPED))(
    'copes with a field that has no meaning: %s',
    async (_, { calls }) => {
      const { mirror, app } = await meetings.meet(calls, { WebSocket })
      const subscribed = subscribe(app)
      await until(
        () => app.state === 'connected' && mirror.callers.length > 1,
        () => told(app),
      )
      await app.channel.publish('done', {})
      mirror.publish()
      await until(
        () => app.delivered.at(-1) === 4 || app.channel.state.name === 'unsubscribed',
        () => told(app),
      )
      expect(app.channel.state.name).toBe('subscribed')
      expect(app.broken).toEqual([])
      expect(await subscribed).toBe('subscribed')
    },
  )
})
