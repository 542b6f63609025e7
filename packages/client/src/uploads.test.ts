import { uploads } from '@tidewire/server'
import { startTestServer } from '@tidewire/server/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Tidewire } from './client.ts'
import { deleteUpload, type Progress, upload, uploadLink } from './uploads.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

async function connect(options: Parameters<typeof uploads>[0] = {}): Promise<Tidewire> {
  const server = await startTestServer({ features: [uploads(options)] })
  ends.push(server.close)
  const client = new Tidewire({
    url: server.url,
    WebSocket,
    getToken: () => server.token('ada'),
  })
  client.on('error', () => undefined)
  ends.push(() => client.close())
  return client
}

const text = (content: string, name = 'a.txt'): File => new File([content], name)

describe('a file', () => {
  it('is sent with progress, shown by a link, and deleted', async () => {
    const client = await connect()
    const seen: Progress[] = []
    const sent = await upload(client, text('hello'), {
      channel: 'live:a',
      onProgress: (progress) => seen.push(progress),
    })
    expect(sent).toEqual({
      id: expect.any(String),
      name: 'a.txt',
      type: 'text/plain',
      size: 5,
      url: `/v1/uploads/${sent.id}`,
    })
    expect(seen).toEqual([
      { loaded: 0, total: 5 },
      { loaded: 5, total: 5 },
    ])
    const link = await uploadLink(client, sent.id)
    expect(Date.parse(link.expiresAt)).toBeGreaterThan(Date.now())
    expect(await (await fetch(link.url)).text()).toBe('hello')
    await deleteUpload(client, sent.id)
    expect((await fetch(link.url)).status).toBe(404)
  })

  it('that is not taken is refused with the reason', async () => {
    const client = await connect({ maxBytes: 10 })
    const reasonOf = (file: File) => upload(client, file).then(String, (error) => error.reason)
    expect(await reasonOf(text('<html>', 'a.png'))).toBe('bad_envelope')
    expect(await reasonOf(text('hello', '../a.txt'))).toBe('bad_envelope')
    expect(await reasonOf(text('hello world'))).toBe('message_too_large')
  })

  it('is not sent when that was given up, before or meanwhile', async () => {
    const client = await connect()
    await expect(
      upload(client, text('hello'), { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ reason: 'aborted' })
    const abort = new AbortController()
    const sending = upload(client, text('a'.repeat(5_000_000)), { signal: abort.signal })
    abort.abort()
    await expect(sending).rejects.toMatchObject({ reason: 'aborted' })
  })

  it('may be sent again when nobody answered', async () => {
    const client = new Tidewire({ url: 'http://127.0.0.1:1', WebSocket, connect: false })
    await expect(upload(client, text('hello'))).rejects.toMatchObject({
      reason: 'connection_failed',
      temporary: true,
    })
  })
})
