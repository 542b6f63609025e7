import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { ServerOptions } from '../compose.ts'
import { copyOf } from '../testing/data-directory.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'

// What clients and operators see of what happens to the storage.

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'tidewire-data-'))
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

async function start(options: ServerOptions = {}): Promise<TestServer> {
  const server = await startTestServer({ data, ...options })
  onTestFinished(() => server.server.close())
  return server
}

const publish = ({ server }: TestServer, text: string, message_id?: string) =>
  server.publish('chat:a', {
    type: 'message',
    payload: { text },
    ...(message_id === undefined ? {} : { message_id }),
  })

/** The first frame of `type` that a client gets which sends `frame`. */
async function answer(
  { url, token }: TestServer,
  frame: { type: string; payload: object },
  type: string,
): Promise<Record<string, unknown>> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws?token=${await token('ada')}`)
  try {
    return await new Promise((resolve, reject) => {
      socket.addEventListener('open', () => socket.send(JSON.stringify({ ...frame, metadata: {} })))
      socket.addEventListener('close', () => reject(new Error(`closed without ${type}`)))
      socket.addEventListener('message', ({ data }) => {
        const received = JSON.parse(String(data)) as { type: string; payload: object }
        if (received.type === type) resolve(received.payload as Record<string, unknown>)
      })
    })
  } finally {
    socket.close()
  }
}

async function poll({ url, token }: TestServer, query: string): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${await token('ada')}` }
  const response = await fetch(`${url}/v1/poll?channel=chat:a&${query}`, { headers })
  return (await response.json()) as Record<string, unknown>
}

async function ready({ url }: TestServer): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/ready`)
  return { status: response.status, text: await response.text() }
}

describe('a client of before the database was put back', () => {
  it('is told so, although the log has reached its offset again', async () => {
    const before = await start()
    for (const text of ['a', 'b']) await publish(before, text)
    const copy = copyOf(data)
    for (const text of ['c', 'd']) await publish(before, text)
    const { cursor } = await poll(before, '')
    const old = await publish(before, 'e')
    await before.server.close()
    copy.putBack()

    const warnings: unknown[] = []
    const silent = () => undefined
    const logger = {
      debug: silent,
      info: silent,
      warn: (fields: unknown, message: string) => void warnings.push([message, fields]),
      error: silent,
    }
    const after = await start({ logger })
    expect(warnings).toEqual([
      [
        'the database was replaced: it has a new epoch',
        { data, why: 'it lacks 3 publications that it once had' },
      ],
    ])
    for (const text of ['x', 'y', 'z', 'more']) await publish(after, text)

    const since = { epoch: old.epoch, offset: old.offset }
    const payload = { channel: 'chat:a', since }
    const subscribed = await answer(after, { type: 'subscribe', payload }, 'subscribed')
    expect(subscribed).toMatchObject({ offset: 6, recovered: false, reason: 'epoch_changed' })
    expect(subscribed['epoch']).not.toBe(old.epoch)
    expect(await poll(after, `cursor=${encodeURIComponent(String(cursor))}`)).toMatchObject({
      resets: [{ channel: 'chat:a', offset: 6, reason: 'epoch_changed' }],
      publications: [],
    })
    const history = { channel: 'chat:a', epoch: subscribed['epoch'], after: 0 }
    const page = await answer(after, { type: 'history', payload: history }, 'history')
    const publications = page['publications'] as { payload: { text: string } }[]
    expect(publications.map(({ payload }) => payload.text)).toEqual([
      'a',
      'b',
      'x',
      'y',
      'z',
      'more',
    ])
  })

  it('goes on where it was after a plain restart', async () => {
    const before = await start()
    const { epoch, offset } = await publish(before, 'a')
    await before.server.close()
    const after = await start()
    await publish(after, 'b')
    const payload = { channel: 'chat:a', since: { epoch, offset } }
    expect(await answer(after, { type: 'subscribe', payload }, 'subscribed')).toMatchObject({
      recovered: true,
      epoch,
      offset: 1,
    })
  })
})

describe('a server whose storage is full', () => {
  it('is not ready, refuses with 4015, and serves what it has', async () => {
    const before = await start()
    await publish(before, 'a', 'm1')
    expect(await ready(before)).toMatchObject({ status: 200 })
    await before.server.close()

    const full = await start({ storage: { min_free_bytes: 1e15 } })
    expect(await ready(full)).toMatchObject({
      status: 503,
      text: expect.stringContaining('storage full'),
    })
    await expect(publish(full, 'b')).rejects.toMatchObject({ code: 4015, reason: 'storage_full' })
    expect(await publish(full, 'a', 'm1')).toMatchObject({ offset: 1, duplicate: true })
    const payload = { channel: 'chat:a', last: 10 }
    const delivered = await answer(full, { type: 'subscribe', payload }, 'message')
    expect(delivered).toEqual({ text: 'a' })
  })
})

describe('a server whose log dies', () => {
  it('says so to readiness, to whoever embeds it and to publishers, and still closes', async () => {
    const fatal: string[] = []
    const started = once(process, 'worker') as Promise<[Worker]>
    // No features: they have a thread of their own.
    const server = await start({ features: [], onFatal: ({ message }) => fatal.push(message) })
    const [log] = await started
    const publishing = publish(server, 'a').catch((error: unknown) => error)
    await log.terminate()
    expect(await ready(server)).toMatchObject({
      status: 503,
      text: expect.stringContaining('log stopped'),
    })
    expect(fatal).toEqual(['The log stopped working (its thread ended): start the server again.'])
    await publishing
    await expect(publish(server, 'b')).rejects.toMatchObject({ reason: 'unavailable' })
    await server.server.close()
  })
})
