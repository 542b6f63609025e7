import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import S3rver from 's3rver'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startTestServer } from '../../testing/index.ts'
import { uploads } from './index.ts'
import type { S3Options } from './s3-store.ts'
import { PNG } from '../../../contract/upload-files.ts'

const KEYS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }

async function startS3(): Promise<S3Options & { names: () => string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'tidewire-s3-'))
  const s3 = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: 'files', configs: [] }],
  })
  const { port } = await s3.run()
  onTestFinished(async () => {
    await s3.close()
    rmSync(directory, { recursive: true })
  })
  const names = () => readdirSync(join(directory, 'files'))
  return { ...KEYS, endpoint: `http://127.0.0.1:${port}`, bucket: 'files', names }
}

async function start(s3: S3Options) {
  const { server, url, token, close } = await startTestServer({ features: [uploads({ s3 })] })
  onTestFinished(close)
  const headers = { authorization: `Bearer ${await token('ada')}` }
  return {
    temporary: () => readdirSync(join(server.data, 'uploads', 'tmp')),
    send: (name: string, body: Buffer) =>
      fetch(`${url}/v1/uploads?name=${name}`, { method: 'POST', body: body as BodyInit, headers }),
    ask: (path: string, method = 'GET', more: Record<string, string> = {}) =>
      fetch(url + path, { method, headers: { ...headers, ...more } }),
  }
}

interface Sent {
  id: string
  url: string
}

describe('files in S3', () => {
  it('are put, read in whole and in part, and deleted', async () => {
    const { names, ...s3 } = await startS3()
    const { send, ask, temporary } = await start(s3)
    const answer = await send('a.png', PNG)
    expect(answer.status).toBe(201)
    const sent = (await answer.json()) as Sent
    expect(names().filter((name) => name.startsWith(sent.id))).not.toEqual([])
    expect(temporary()).toEqual([])
    const whole = await ask(sent.url)
    expect(whole.headers.get('content-type')).toBe('image/png')
    expect(Buffer.from(await whole.arrayBuffer()).equals(PNG)).toBe(true)
    const part = await ask(sent.url, 'GET', { range: 'bytes=1-3' })
    expect([part.status, await part.text()]).toEqual([206, 'PNG'])
    expect((await ask(sent.url, 'DELETE')).status).toBe(200)
    expect(names().filter((name) => name.startsWith(sent.id))).toEqual([])
    expect((await ask(sent.url)).status).toBe(404)
  })

  it('of two megabytes are not changed on their way', async () => {
    const { names: _, ...s3 } = await startS3()
    const { send, ask } = await start(s3)
    const bytes = Buffer.concat([PNG, Buffer.alloc(2_000_000, 'tide')])
    const { url } = (await (await send('a.png', bytes)).json()) as Sent
    expect(Buffer.from(await (await ask(url)).arrayBuffer()).equals(bytes)).toBe(true)
  })

  it('are `unavailable` with a key that nobody knows there, and nothing is kept of them', async () => {
    const { names, ...s3 } = await startS3()
    const { send, temporary } = await start({ ...s3, accessKeyId: 'another' })
    const answer = await send('a.png', PNG)
    expect([answer.status, await answer.json()]).toMatchObject([503, { code: 4014 }])
    expect(names()).toEqual([])
    expect(temporary()).toEqual([])
  })

  it('are `unavailable` when nobody answers there', async () => {
    const gone = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => gone.once('listening', resolve))
    const { port } = gone.address() as AddressInfo
    await new Promise((resolve) => gone.close(resolve))
    const endpoint = `http://127.0.0.1:${port}`
    const { send } = await start({ ...KEYS, endpoint, bucket: 'files' })
    expect((await send('a.png', PNG)).status).toBe(503)
  })
})
