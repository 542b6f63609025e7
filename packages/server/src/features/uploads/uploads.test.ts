import { once } from 'node:events'
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import http from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Server } from '../../server.ts'
import { mountSmallDisk } from '../../testing/small-disk.ts'
import { startTestServer, type TestServer } from '../../testing/index.ts'
import { uploads, type UploadsOptions } from './index.ts'
import { FILES, PNG } from '../../../contract/upload-files.ts'

type ServerOptions = NonNullable<Parameters<typeof startTestServer>[0]>

const running: TestServer[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

async function start(options: UploadsOptions = {}, more: ServerOptions = {}) {
  const started = await startTestServer({
    features: [uploads(options)],
    namespaces: { team: { subscribe: 'member', history: 'member', publish: 'member' } },
    ...more,
  })
  running.push(started)
  const { url, token, server } = started
  const as = async (user: string): Promise<Record<string, string>> => ({
    authorization: `Bearer ${await token(user)}`,
  })
  return {
    server,
    url,
    as,
    async send(
      user: string,
      body: BodyInit | Buffer,
      query: Record<string, string> = {},
      type = '',
    ) {
      const search = new URLSearchParams({ name: 'a.bin', ...query }).toString()
      const headers = { ...(await as(user)), 'content-type': type || 'application/octet-stream' }
      return fetch(`${url}/v1/uploads?${search}`, {
        method: 'POST',
        body: body as BodyInit,
        headers,
      })
    },
    async read(user: string, id: string, headers: Record<string, string> = {}, method = 'GET') {
      return fetch(`${url}/v1/uploads/${id}`, {
        method,
        headers: { ...(await as(user)), ...headers },
      })
    },
  }
}

interface Sent {
  id: string
  name: string
  type: string
  size: number
  url: string
}

async function json<T = Sent>(response: Response): Promise<T> {
  return (await response.json()) as T
}

/** Every file below the directory of uploads, but for the key. */
function filesOf(server: Server): string[] {
  return readdirSync(join(server.data, 'uploads'), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && entry.name !== 'key')
    .map((entry) => entry.name)
}

describe('a file', () => {
  it.each(FILES)(
    'of type %s is kept as what its bytes are, and comes back as they were',
    async (type, name, bytes) => {
      const { send, read, server } = await start()
      const answer = await send('ada', bytes, { name })
      expect(answer.status).toBe(201)
      const sent = await json(answer)
      expect(sent).toEqual({
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        name,
        type,
        size: bytes.length,
        url: `/v1/uploads/${sent.id}`,
      })
      const path = join(server.data, 'uploads', sent.id.slice(0, 2), sent.id)
      expect(statSync(path).mode & 0o777).toBe(0o600)
      const response = await read('ada', sent.id)
      expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
      const kind = type.startsWith('image/') ? 'inline' : 'attachment'
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': type === 'text/plain' ? 'text/plain; charset=utf-8' : type,
        'content-length': String(bytes.length),
        'content-disposition': expect.stringMatching(`^${kind}; `),
        'content-security-policy': "default-src 'none'; sandbox",
        'x-content-type-options': 'nosniff',
      })
    },
  )

  it.each<[what: string, body: string | Buffer, query: Record<string, string>, type: string]>([
    [
      'HTML that says it is a PNG',
      '<!doctype html><script>alert(1)</script>',
      { name: 'a.png' },
      'image/png',
    ],
    ['HTML', '<html><body>hi', { name: 'a.txt' }, 'text/plain'],
    [
      'a picture with a page inside',
      Buffer.concat([Buffer.from('GIF89a'), Buffer.from('<script>1</script>')]),
      { name: 'a.gif' },
      '',
    ],
    [
      'SVG',
      '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
      { name: 'a.svg' },
      'image/svg+xml',
    ],
    ['SVG without a prologue', ' <svg><script>1</script></svg>', { name: 'a' }, ''],
    ['a program', Buffer.from('7f454c4602010100', 'hex'), { name: 'a' }, ''],
    ['text that says it is a PDF', 'hello', { name: 'a.pdf' }, ''],
    ['a PNG that says it is a JPEG', PNG, { name: 'a.jpg' }, 'image/jpeg'],
    ['nothing', '', { name: 'a.txt' }, 'text/plain'],
    ['no name', 'hello', { name: '' }, ''],
    ['a name of blanks', 'hello', { name: '   ' }, ''],
    ['a name that leads elsewhere', 'hello', { name: '../../etc/passwd' }, ''],
    ['a name of Windows that does', 'hello', { name: '..\\..\\boot.ini' }, ''],
    ['the directory itself', 'hello', { name: '..' }, ''],
    ['a NUL in the name', 'hello', { name: 'a\0.txt' }, ''],
    ['a line end in the name', 'hello', { name: 'a\r\nSet-Cookie: a=b' }, ''],
    ['a name that reads backwards', 'hello', { name: 'photo\u202Egpj.exe' }, ''],
    ['a name of 300 characters', 'hello', { name: 'a'.repeat(300) }, ''],
    ['a channel that is none', 'hello', { channel: 'general' }, ''],
  ])('is refused when it is, or has, %s', async (_, body, query, type) => {
    const { send, server } = await start()
    const answer = await send('ada', body, query, type)
    expect([answer.status, (await json<{ code: number }>(answer)).code]).toEqual([400, 4009])
    expect(filesOf(server)).toEqual([])
  })

  it.each([
    'Ünïcödé – 文件 🙂.txt',
    '"; filename="evil.exe',
    "it's 100% (yes).txt",
    '<script>alert(1)</script>.txt'.replace('/', '∕'),
    'constructor',
    '__proto__',
    'a'.repeat(255),
  ])('may be called %s, and its header says just that', async (name) => {
    const { send, read } = await start()
    const { id } = await json(await send('ada', 'hello', { name }))
    const disposition = (await read('ada', id)).headers.get('content-disposition')!
    const [, plain, encoded] =
      /^attachment; filename="([^"\\]*)"; filename\*=UTF-8''([^;"\s]*)$/.exec(disposition)!
    expect(plain).toMatch(/^[ -~]+$/)
    expect(decodeURIComponent(encoded!)).toBe(name)
  })
})

describe('the size of a file', () => {
  it('is bounded where it is announced, and where it is not', async () => {
    const { send, server, url, as } = await start({ maxBytes: 100_000 })
    expect((await send('ada', 'a'.repeat(100_000))).status).toBe(201)
    const announced = await send('ada', 'a'.repeat(100_001))
    expect([announced.status, (await json<{ code: number }>(announced)).code]).toEqual([413, 4005])
    const chunked = await new Promise<http.IncomingMessage>((resolve) => {
      void as('ada').then((headers) => {
        const request = http.request(
          `${url}/v1/uploads?name=a.txt`,
          { method: 'POST', headers },
          resolve,
        )
        for (let i = 0; i < 11; i++) request.write('a'.repeat(10_000))
        request.end()
      })
    })
    expect(chunked.statusCode).toBe(413)
    chunked.resume()
    expect(filesOf(server)).toHaveLength(1)
  })

  it('counts towards what a user keeps, and not when the file is gone', async () => {
    const { send, url, as } = await start({ quota: { bytes: 1000 } })
    const first = await json(await send('ada', 'a'.repeat(600)))
    const full = await send('ada', 'a'.repeat(600))
    expect([full.status, await json(full)]).toMatchObject([507, { code: 4015, temporary: false }])
    expect((await send('bob', 'a'.repeat(600))).status).toBe(201)
    // What was refused took no room.
    expect((await send('ada', '<html>'.padEnd(300))).status).toBe(400)
    const gone = await fetch(`${url}${first.url}`, { method: 'DELETE', headers: await as('ada') })
    expect(await gone.json()).toEqual({ id: first.id, deleted: true })
    expect((await send('ada', 'a'.repeat(1000))).status).toBe(201)
  })

  it('counts from the beginning, so that two at once are not more than one may keep', async () => {
    const { send, server } = await start({ quota: { bytes: 1000 } })
    const answers = await Promise.all([1, 2, 3].map(() => send('ada', 'a'.repeat(600))))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 507, 507])
    expect(filesOf(server)).toHaveLength(1)
  })
})

describe('the readers of a file', () => {
  it('are who sent it, backends, and nobody else without a channel', async () => {
    const { send, read, url } = await start()
    const { id } = await json(await send('ada', PNG, { name: 'a.png' }))
    const status = async (user: string) => (await read(user, id)).status
    expect([await status('ada'), await status('bob')]).toEqual([200, 404])
    expect((await fetch(`${url}/v1/uploads/${id}`)).status).toBe(401)
    expect((await read('ada', 'f'.repeat(32))).status).toBe(404)
    expect((await read('ada', '..%2Fkey')).status).toBe(404)
    expect((await read('ada', 'key')).status).toBe(404)
  })

  it('are those of the channel that it was sent to, as long as they are', async () => {
    const { send, read, server } = await start()
    await server.addMember('team:a', 'ada')
    await server.addMember('team:a', 'bob')
    const { id } = await json(await send('ada', PNG, { name: 'a.png', channel: 'team:a' }))
    expect([(await read('bob', id)).status, (await read('eve', id)).status]).toEqual([200, 404])
    await server.removeMember('team:a', 'bob')
    expect((await read('bob', id)).status).toBe(404)
    expect((await send('eve', PNG, { channel: 'team:a' })).status).toBe(403)
  })

  it('may not delete it, unless they sent it', async () => {
    const { send, url, as, server } = await start()
    const sent = await json(await send('ada', PNG, { channel: 'live:a' }))
    const remove = async (user: string) =>
      fetch(`${url}${sent.url}`, { method: 'DELETE', headers: await as(user) })
    expect((await remove('bob')).status).toBe(403)
    expect((await remove('ada')).status).toBe(200)
    expect((await remove('ada')).status).toBe(404)
    expect(filesOf(server)).toEqual([])
  })

  it('are those of a link for a few minutes, whoever shows it', async () => {
    const { send, url, as } = await start()
    const sent = await json(await send('ada', PNG, { name: 'a.png' }))
    const response = await fetch(`${url}${sent.url}/link`, { headers: await as('ada') })
    const link = await json<{ url: string; expires_at: string }>(response)
    expect(Date.parse(link.expires_at) - Date.now()).toBeLessThanOrEqual(6 * 60_000)
    const image = await fetch(url + link.url)
    expect([image.status, image.headers.get('content-type')]).toEqual([200, 'image/png'])
    await image.body?.cancel()
    const other = await json(await send('ada', PNG, { name: 'b.png' }))
    const [, query] = link.url.split('?')
    for (const forged of [
      `${other.url}?${query}`,
      link.url.replace(/exp=\d+/, 'exp=99999999999'),
      `${link.url}x`,
      link.url.replace('user=ada', 'user=bob'),
      link.url.replace('user=ada', 'user='),
      link.url.replace('user=ada&', ''),
      `${sent.url}?exp=99999999999`,
      `${sent.url}?sig=`,
    ]) {
      expect((await fetch(url + forged)).status, forged).toBe(403)
    }
    expect((await fetch(`${url}${sent.url}/link`, { headers: await as('bob') })).status).toBe(404)
  })

  it('are those of a link as long as the user whom it was made for is one of them', async () => {
    const { send, url, as, server } = await start()
    await server.addMember('team:a', 'ada')
    await server.addMember('team:a', 'bob')
    const sent = await json(await send('ada', PNG, { channel: 'team:a' }))
    const linkFor = async (user: string): Promise<string> => {
      const response = await fetch(`${url}${sent.url}/link`, { headers: await as(user) })
      return url + (await json<{ url: string }>(response)).url
    }
    const [ada, bob] = [await linkFor('ada'), await linkFor('bob')]
    const statuses = async (): Promise<number[]> => {
      const answers = await Promise.all([fetch(ada), fetch(bob)])
      await Promise.all(answers.map((answer) => answer.arrayBuffer()))
      return answers.map(({ status }) => status)
    }
    expect(await statuses()).toEqual([200, 200])
    await server.removeMember('team:a', 'bob')
    expect(await statuses()).toEqual([200, 404])
  })
})

describe('a part of a file', () => {
  const text = '0123456789'

  it.each<[range: string, status: number, body: string, contentRange: string | null]>([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-30', 206, text, 'bytes 0-9/10'],
    ['bytes=5-99', 206, '56789', 'bytes 5-9/10'],
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=4-2', 200, text, null],
    ['bytes=0-1,3-4', 200, text, null],
    ['lines=0-1', 200, text, null],
    ['bytes=-', 200, text, null],
  ])('%s', async (range, status, body, contentRange) => {
    const { send, read } = await start()
    const { id } = await json(await send('ada', text))
    const response = await read('ada', id, { range })
    expect([response.status, await response.text(), response.headers.get('content-range')]).toEqual(
      [status, body, contentRange],
    )
  })

  it('behind its end is refused with its size, and an unchanged file is not sent again', async () => {
    const { send, read } = await start()
    const { id } = await json(await send('ada', text))
    const behind = await read('ada', id, { range: 'bytes=10-' })
    expect([behind.status, behind.headers.get('content-range')]).toEqual([416, 'bytes */10'])
    const etag = (await read('ada', id)).headers.get('etag')!
    expect((await read('ada', id, { 'if-none-match': etag })).status).toBe(304)
    expect((await read('ada', id, { range: 'bytes=1-2', 'if-range': '"x"' })).status).toBe(200)
    const head = await read('ada', id, {}, 'HEAD')
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
      200,
      '10',
      '',
    ])
  })
})

describe('a file that does not come whole', () => {
  it('leaves nothing behind when its sender goes, and its room is free again', async () => {
    const { url, as, server, send } = await start({ quota: { bytes: 100_000 } })
    const { port } = new URL(url)
    const socket = connect(Number(port), '127.0.0.1')
    const { authorization } = await as('ada')
    socket.write(
      `POST /v1/uploads?name=a.txt HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${authorization}\r\n` +
        `Content-Length: 90000\r\n\r\n${'a'.repeat(40_000)}`,
    )
    await expect.poll(() => filesOf(server)).toHaveLength(1)
    socket.destroy()
    await expect.poll(() => filesOf(server)).toEqual([])
    await expect.poll(async () => (await send('ada', 'a'.repeat(90_000))).status).toBe(201)
  })

  it('is told to wait when others of its user are under way', async () => {
    const { url, as, server, send } = await start()
    const headers = { ...(await as('ada')), 'content-length': 10 }
    const slow = [1, 2, 3, 4].map(() => {
      const request = http.request(`${url}/v1/uploads?name=a.txt`, { method: 'POST', headers })
      request.write('a')
      return { request, answered: once(request, 'response') as Promise<[http.IncomingMessage]> }
    })
    await expect.poll(() => filesOf(server)).toHaveLength(4)
    const fifth = await send('ada', 'hello')
    expect([fifth.status, (await json<{ code: number }>(fifth)).code]).toEqual([429, 4004])
    expect((await send('bob', 'hello')).status).toBe(201)
    const answers = slow.map(async ({ request, answered }) => {
      request.end('bcdefghij')
      const [response] = await answered
      response.resume()
      return response.statusCode
    })
    expect(await Promise.all(answers)).toEqual([201, 201, 201, 201])
  })

  it('of an earlier life is gone after a start', async () => {
    const disk = mountSmallDisk(8)
    onTestFinished(() => disk.remove())
    const data = join(disk.directory, 'data')
    const first = await start({}, { data })
    const headers = { ...(await first.as('ada')), 'content-length': 10 }
    const request = http.request(`${first.url}/v1/uploads?name=a.txt`, { method: 'POST', headers })
    request.on('error', () => undefined)
    request.write('half')
    await expect.poll(() => filesOf(first.server)).toHaveLength(1)
    const [name] = filesOf(first.server)
    const half = readFileSync(join(data, 'uploads', 'tmp', name!))
    await running.pop()!.close()
    // As a process that was killed leaves it.
    writeFileSync(join(data, 'uploads', 'tmp', name!), half)
    const second = await start({}, { data })
    expect(filesOf(second.server)).toEqual([])
  })
})

describe('the disk', () => {
  it('that is full refuses files with `storage_full`, keeps nothing of them, and takes others when there is room', async (test) => {
    const disk = mountSmallDisk(8)
    onTestFinished(() => disk.remove())
    test.skip(!disk.mounted, 'this user may not mount a disk')
    const { send, server, read } = await start({}, { data: join(disk.directory, 'data') })
    const { id } = await json(await send('ada', PNG))
    const large = await send('ada', 'a'.repeat(9_000_000))
    expect([large.status, await json(large)]).toMatchObject([507, { code: 4015, temporary: true }])
    expect(filesOf(server)).toHaveLength(1)
    expect((await read('ada', id)).status).toBe(200)
    expect((await send('ada', 'a'.repeat(1_000_000))).status).toBe(201)
  })

  it('is not led elsewhere by links', async () => {
    const { send, server, read } = await start()
    const sent = await json(await send('ada', PNG))
    const path = join(server.data, 'uploads', sent.id.slice(0, 2), sent.id)
    unlinkSync(path)
    symlinkSync(join(server.data, 'store.db'), path)
    expect((await read('ada', sent.id)).status).toBe(404)
    expect(existsSync(join(server.data, 'store.db'))).toBe(true)
  })
})
