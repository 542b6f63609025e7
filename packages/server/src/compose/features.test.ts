import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import {
  type ConfigInput,
  ConfigError,
  type FeatureName,
  resolveConfig,
} from '../config/resolve.ts'
import { createVapidPair } from '../config/vapid.ts'
import { notifications } from '../features/notifications/index.ts'
import type { Feature } from '../handlers.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { featuresOf, namespacesOf } from './features.ts'

function dataDirectory(): string {
  const data = mkdtempSync(join(tmpdir(), 'tidewire-compose-'))
  onTestFinished(() => rmSync(data, { recursive: true }))
  return data
}

const configured = (features: ConfigInput['features'] & object) =>
  resolveConfig({ file: { features } }).features

async function start(features: ConfigInput['features'] & object): Promise<TestServer> {
  const test = await startTestServer({ features })
  onTestFinished(() => test.close())
  return test
}

it('knows the namespaces that they bring where the configuration has none of that name', () => {
  const features: readonly FeatureName[] = ['chat', 'notifications', 'feed', 'presence']
  const file = { features, namespaces: { dm: { publish: 'server' as const }, news: {} } }
  const all = namespacesOf(resolveConfig({ file }))
  expect(Object.keys(all)).toEqual(['dm', 'news', 'chat', 'user', 'feed'])
  expect(all['dm']).toMatchObject({ publish: 'server', durability: 'memory' })
  expect(all['chat']).toMatchObject({ publish: 'user', history: 'user', durability: 'durable' })
  expect(all['feed']).toMatchObject({ publish: 'owner', retention: { max_entries: 1_000 } })
})

it('makes those that are named, and none twice: one that the application made replaces its like', () => {
  const names: readonly FeatureName[] = ['presence', 'chat', 'notifications', 'feed', 'uploads']
  expect(featuresOf(configured(names), []).map(({ name }) => name)).toEqual(names)
  const inbox = notifications()
  const polls: Feature = { name: 'polls', setup: () => undefined }
  const all = featuresOf(configured(['chat', 'notifications']), [inbox, polls])
  expect(all.map(({ name }) => name)).toEqual(['chat', 'notifications', 'polls'])
  expect(all).toContain(inbox)
})

it('gives uploads the bounds of the configuration', async () => {
  const { url, token } = await start({ uploads: { max_bytes: 5, types: ['text/plain'] } })
  const send = async (body: string) => {
    const headers = { authorization: `Bearer ${await token('ada')}` }
    return (await fetch(`${url}/v1/uploads?name=a.txt`, { method: 'POST', headers, body })).status
  }
  expect(await send('12345')).toBe(201)
  expect(await send('123456')).toBe(413)
})

it('gives Web Push its keys, of the configuration or of a file, or switches it off', async () => {
  const pair = createVapidPair()
  const keyOf = async ({ url, token }: TestServer): Promise<unknown> => {
    const headers = { authorization: `Bearer ${await token('ada')}` }
    const response = await fetch(`${url}/v1/notifications/push`, { headers })
    return ((await response.json()) as Record<string, unknown>)['public_key']
  }
  expect(await keyOf(await start({ notifications: { web_push: pair } }))).toBe(pair.public_key)
  const key_file = join(dataDirectory(), 'keys.json')
  writeFileSync(key_file, JSON.stringify(pair))
  expect(await keyOf(await start({ notifications: { web_push: { key_file } } }))).toBe(
    pair.public_key,
  )
  expect(await keyOf(await start({ notifications: true }))).not.toBe(pair.public_key)
  const off = await start({ notifications: { web_push: { enabled: false } } })
  expect(await keyOf(off)).toBeUndefined()
  const lost = configured({ notifications: { web_push: { key_file: `${key_file}.old` } } })
  expect(() => featuresOf(lost, [])).toThrow(ConfigError)
})

it('keeps files where the configuration says', async () => {
  // Nothing listens there: a file that cannot be kept is refused, not kept on the disk.
  const { url, token } = await start({
    uploads: {
      store: 's3',
      s3: {
        endpoint: 'http://127.0.0.1:1',
        bucket: 'files',
        access_key_id: 'id',
        secret_access_key: 'key',
      },
    },
  })
  const headers = { authorization: `Bearer ${await token('ada')}` }
  const response = await fetch(`${url}/v1/uploads?name=a.txt`, {
    method: 'POST',
    headers,
    body: 'hello',
  })
  expect(response.status).toBe(503)
})
