import { type JsonObject, ProtocolError, type Publication } from '@tidewire/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  batch,
  frame,
  type ScriptedSession,
  serveScripted,
  subscribedPayload,
} from '../../contract/scripted-service.ts'
import { FakeClock } from '../testing/fake-clock.ts'

const E = 'e1'

interface Answer {
  status: number
  cursor: string
  offsets: (number | undefined)[]
  resets: unknown[]
}

describe('polling', () => {
  let clock: FakeClock
  let server: Awaited<ReturnType<typeof serveScripted>>

  beforeEach(async () => {
    clock = new FakeClock()
    server = await serveScripted(clock)
  })
  afterEach(() => server.close())

  async function poll(
    query: string,
    script: (session: ScriptedSession) => unknown,
  ): Promise<Answer> {
    const response = await request(query, script)
    const header = response.headers.get('tidewire-cursor')!
    if (response.status === 204) return { status: 204, cursor: header, offsets: [], resets: [] }
    const { cursor, publications, resets } = (await response.json()) as {
      cursor: string
      publications: Publication[]
      resets: unknown[]
    }
    expect(cursor).toBe(header)
    const offsets = publications.map(({ metadata }) => metadata.offset)
    return { status: response.status, cursor, offsets, resets }
  }

  async function request(
    query: string,
    script: (session: ScriptedSession) => unknown,
  ): Promise<Response> {
    const opened = server.service.opened()
    const answering = fetch(`${server.url}/v1/poll?${query}`)
    await script(await opened)
    return answering
  }

  it('answers at once with the cursor of now without a cursor and without `last`', async () => {
    const answer = await poll('channel=chat:a', (session) =>
      session.subscribed('chat:a', { epoch: E, offset: 41 }),
    )
    expect(answer).toEqual({ status: 200, cursor: '1~chat:a~e1~41', offsets: [], resets: [] })
  })

  it('answers the first deliveries with everything of their turn', async () => {
    const answer = await poll('channel=chat:a&channel=chat:b&cursor=1~chat:a~e1~4', (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 4 }, { recovered: true })
      session.subscribed('chat:b', { epoch: 'e2', offset: 0 })
      session.deliver(batch('chat:a', E, 5, 2), batch('chat:b', 'e2', 1))
      session.deliver(batch('chat:a', E, 7))
    })
    expect(answer).toEqual({
      status: 200,
      cursor: '1~chat:a~e1~6~chat:b~e2~1',
      offsets: [5, 6, 1],
      resets: [],
    })
  })

  it('of no channels says that the server is there', async () => {
    const answer = await poll('wait=0', (session) => session.say('connection_established', {}))
    expect(answer).toEqual({ status: 200, cursor: '1', offsets: [], resets: [] })
  })

  it('is not kept by caches', async () => {
    const answer = await request('channel=chat:a', (session) =>
      session.subscribed('chat:a', { epoch: E, offset: 0 }),
    )
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('answers 204 with the cursor when the wait is over', async () => {
    const answer = await poll('channel=chat:a&cursor=1~chat:a~e1~4&wait=1000', async (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 4 }, { recovered: true })
      await clock.advance(1000)
    })
    expect(answer).toMatchObject({ status: 204, cursor: '1~chat:a~e1~4' })
  })

  it.each([
    ['', 25_000],
    ['&wait=999999', 60_000],
  ])('waits with %j for %i ms', async (wait, ms) => {
    const query = `channel=chat:a&cursor=1~chat:a~e1~4${wait}`
    const before = await poll(query, async (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 4 }, { recovered: true })
      await clock.advance(ms - 1)
      session.deliver(batch('chat:a', E, 5))
    })
    expect(before).toMatchObject({ status: 200, offsets: [5] })
    const after = await poll(query, async (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 4 }, { recovered: true })
      await clock.advance(ms)
      session.deliver(batch('chat:a', E, 5))
    })
    expect(after).toMatchObject({ status: 204, cursor: '1~chat:a~e1~4' })
  })

  it('answers a short poll with what the log has', async () => {
    const answer = await poll('channel=chat:a&cursor=1~chat:a~e1~4&wait=0', async (session) => {
      await clock.advance(0)
      session.connection.send([
        frame(
          'subscribed',
          subscribedPayload('chat:a', { epoch: E, offset: 4 }, { recovered: true }),
        ),
        batch('chat:a', E, 5, 3),
      ])
    })
    expect(answer).toMatchObject({ status: 200, cursor: '1~chat:a~e1~7', offsets: [5, 6, 7] })
  })

  it('lets a short poll with `last` wait for what the log has', async () => {
    server.service.history = async () => ({
      epoch: E,
      oldest: 1,
      newest: 9,
      publications: [],
      more: true,
    })
    const answer = await poll('channel=chat:a&last=2&wait=0', async (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 7 })
      await clock.advance(0)
      session.deliver(batch('chat:a', E, 8, 2))
    })
    expect(answer).toMatchObject({ status: 200, offsets: [8, 9] })
  })

  it('answers a short poll with `last` at once when the log is empty', async () => {
    server.service.history = async () => ({
      epoch: E,
      oldest: 1,
      newest: 0,
      publications: [],
      more: false,
    })
    const answer = await poll('channel=chat:a&last=2&wait=0', async (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 0 })
      await clock.advance(0)
    })
    expect(answer).toMatchObject({ status: 204, cursor: '1~chat:a~e1~0' })
  })

  it('answers all who ask from one cursor the same, whether they waited or the log had it', async () => {
    const query = 'channel=chat:a&cursor=1~chat:a~e1~4'
    const recovered = subscribedPayload('chat:a', { epoch: E, offset: 4 }, { recovered: true })
    const news = batch('chat:a', E, 5, 2)
    const waited = (session: ScriptedSession): void => {
      session.say('subscribed', recovered)
      session.deliver(news)
    }
    const answers = [
      await poll(query, waited),
      await poll(query, waited),
      await poll(query, (session) =>
        session.connection.send([frame('subscribed', recovered), batch('chat:a', E, 5, 2)]),
      ),
    ]
    const same = { status: 200, cursor: '1~chat:a~e1~6', offsets: [5, 6], resets: [] }
    expect(answers).toEqual([same, same, same])
  })

  it('answers what the log has now, not what it had for who asked before', async () => {
    const from = { epoch: E, offset: 4 }
    const ask = async (channel: string, epoch: string, payload: JsonObject): Promise<unknown> => {
      const response = await request(`channel=${channel}&last=9`, (session) => {
        session.subscribed(channel, { ...from, epoch })
        session.deliver(batch(channel, epoch, 5, 1, { payload }))
      })
      const { cursor, publications } = (await response.json()) as {
        cursor: string
        publications: Publication[]
      }
      return [cursor, publications[0]?.payload]
    }
    expect(await ask('chat:a', E, { says: 'before' })).toEqual([
      '1~chat:a~e1~5',
      { says: 'before' },
    ])
    expect(await ask('chat:a', E, { says: 'after!' })).toEqual([
      '1~chat:a~e1~5',
      { says: 'after!' },
    ])
    expect(await ask('chat:a', 'e2', { says: 'after!' })).toEqual([
      '1~chat:a~e2~5',
      { says: 'after!' },
    ])
  })

  it('tells pages of its origin that they may read every answer', async () => {
    const ask = async (script: (session: ScriptedSession) => unknown): Promise<Response> => {
      const opened = server.service.opened()
      const headers = { origin: server.url }
      const answering = fetch(`${server.url}/v1/poll?channel=chat:a&last=1&wait=0`, { headers })
      await script(await opened)
      return answering
    }
    const start = (session: ScriptedSession): void =>
      session.subscribed('chat:a', { epoch: E, offset: 0 })
    const answers = [
      await ask((session) => {
        start(session)
        session.deliver(batch('chat:a', E, 1))
      }),
      await ask((session) =>
        session.say('error', new ProtocolError('forbidden', 'No.').toPayload()),
      ),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 403])
    for (const { headers } of answers) {
      expect(headers.get('access-control-allow-origin')).toBe(server.url)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('vary')).toBe('Origin')
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  it('ends a page at 500 publications, and its cursor with it', async () => {
    const answer = await poll('channel=chat:a&channel=chat:b&last=1000', (session) => {
      session.subscribed('chat:b', { epoch: 'e2', offset: 3 })
      session.connection.send([
        frame('subscribed', subscribedPayload('chat:a', { epoch: E, offset: 0 })),
        batch('chat:a', E, 1, 700),
        batch('chat:b', 'e2', 4),
      ])
    })
    expect(answer.cursor).toBe('1~chat:b~e2~3~chat:a~e1~500')
    expect(answer.offsets).toHaveLength(500)
  })

  it('ends a page at one mebibyte', async () => {
    const answer = await poll('channel=chat:a&last=1000', (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 0 })
      session.deliver(batch('chat:a', E, 1, 100, { payload: { content: 'x'.repeat(100_000) } }))
    })
    expect(answer.offsets).toHaveLength(11)
    expect(answer.cursor).toBe('1~chat:a~e1~11')
  })

  it('makes a lost position an entry of `resets`', async () => {
    const answer = await poll('channel=chat:a&cursor=1~chat:a~old~4', (session) =>
      session.subscribed('chat:a', { epoch: E, offset: 9 }, { reason: 'epoch_changed' }),
    )
    expect(answer).toEqual({
      status: 200,
      cursor: '1~chat:a~e1~9',
      offsets: [],
      resets: [{ channel: 'chat:a', epoch: E, offset: 9, reason: 'epoch_changed' }],
    })
  })

  it('leaves a reset that comes after publications of its channel to the next poll', async () => {
    const answer = await poll('channel=chat:a&cursor=1~chat:a~e1~4', (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 4 }, { recovered: true })
      session.connection.send([
        batch('chat:a', E, 5),
        frame('reset', { channel: 'chat:a', epoch: 'e2', offset: 1, reason: 'epoch_changed' }),
        batch('chat:a', 'e2', 2),
      ])
    })
    expect(answer).toEqual({ status: 200, cursor: '1~chat:a~e1~5', offsets: [5], resets: [] })
  })

  it('tells of a reset together with what follows it', async () => {
    const reset = { channel: 'chat:a', epoch: 'e2', offset: 1, reason: 'epoch_changed' }
    const answer = await poll('channel=chat:a&cursor=1~chat:a~e1~4', (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 4 }, { recovered: true })
      session.connection.send([frame('reset', reset), batch('chat:a', 'e2', 2)])
    })
    expect(answer).toMatchObject({ cursor: '1~chat:a~e2~2', offsets: [2], resets: [reset] })
  })

  it('answers when every channel was accepted, not before', async () => {
    const answer = await poll('channel=chat:a&channel=chat:b&cursor=1~chat:a~e1~4', (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 4 }, { recovered: true })
      session.deliver(batch('chat:a', E, 5))
      session.deliver(batch('chat:a', E, 6))
      session.subscribed('chat:b', { epoch: 'e2', offset: 7 })
    })
    expect(answer).toMatchObject({ cursor: '1~chat:a~e1~6~chat:b~e2~7', offsets: [5, 6] })
  })

  it('leaves a channel without a log out of the cursor', async () => {
    const first = await poll('channel=signal:a', (session) => session.subscribed('signal:a'))
    expect(first).toMatchObject({ status: 200, cursor: '1' })
    const second = await poll('channel=signal:a&cursor=1', (session) => {
      session.subscribed('signal:a')
      session.deliver(batch('signal:a', undefined, 1))
    })
    expect(second).toMatchObject({ status: 200, cursor: '1', offsets: [undefined] })
  })

  it('answers a refused channel with the HTTP error', async () => {
    const answer = await request('channel=chat:a&channel=secret:b', (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 0 })
      session.say('error', new ProtocolError('forbidden', 'Not for you.').toPayload())
    })
    expect([answer.status, await answer.json()]).toEqual([
      403,
      expect.objectContaining({ code: 4011 }),
    ])
  })

  it('tells when to come back when the server stops', async () => {
    const answer = await request('channel=chat:a&cursor=1', (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 0 })
      session.say('server_shutdown', { reconnect_in_ms: 1500 })
      session.connection.close(1012, 'restart')
    })
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('2')
    expect(await answer.json()).toMatchObject({ code: 4014, retry_after_ms: 1500 })
  })

  it('answers unavailable when the log does not answer in time', async () => {
    const answer = await request('channel=chat:a&wait=1000', async () => {
      await clock.advance(6_000)
    })
    expect(answer.status).toBe(503)
  })

  it('answers a failure of the log with its error', async () => {
    server.service.history = async () => {
      throw new ProtocolError('unavailable', 'The log is out.')
    }
    const answer = await request('channel=chat:a&last=2&wait=0', async (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 7 })
      await clock.advance(0)
    })
    expect([answer.status, await answer.json()]).toEqual([
      503,
      expect.objectContaining({ message: 'The log is out.' }),
    ])
  })

  it('ends the session when it has answered', async () => {
    let session: ScriptedSession | undefined
    await poll('channel=chat:a', (opened) => {
      session = opened
      session.subscribed('chat:a', { epoch: E, offset: 0 })
    })
    await vi.waitFor(() => expect(session!.closedWith).toBe(1000))
  })

  it('ends the session when the client is gone', async () => {
    const opened = server.service.opened()
    const abort = new AbortController()
    const answering = fetch(`${server.url}/v1/poll?channel=chat:a&cursor=1`, {
      signal: abort.signal,
    })
    const session = await opened
    session.subscribed('chat:a', { epoch: E, offset: 0 })
    abort.abort()
    await expect(answering).rejects.toThrow('aborted')
    await vi.waitFor(() => expect(session.closedWith).toBe(1000))
    session.deliver(batch('chat:a', E, 1))
  })

  it('answers a wait that is not a number with bad_envelope', async () => {
    const answer = await fetch(`${server.url}/v1/poll?channel=chat:a&wait=-1`)
    expect([answer.status, await answer.json()]).toEqual([
      400,
      expect.objectContaining({ message: '`wait` is not a whole number.' }),
    ])
  })
})
