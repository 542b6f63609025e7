import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createServerKey } from '../auth/server-keys.ts'
import type { ServerOptions } from '../compose.ts'
import type { Feature } from '../handlers.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { chat } from './chat/index.ts'
import { feed } from './feed/index.ts'
import { notifications } from './notifications/index.ts'
import { presence } from './presence/index.ts'
import { uploads } from './uploads/index.ts'

const { key: KEY, ...KNOWN } = createServerKey('tests')

async function start(options: ServerOptions): Promise<TestServer> {
  const test = await startTestServer({ auth: { server_keys: [KNOWN] }, ...options })
  onTestFinished(() => test.close())
  return test
}

interface Operation {
  summary: string
  parameters?: { name: string; in: string; required: boolean; schema: object }[]
  requestBody?: { content: Record<string, { schema: Record<string, unknown> }> }
  responses: Record<string, unknown>
}

async function operations({ url }: TestServer): Promise<Map<string, Operation>> {
  const response = await fetch(`${url}/openapi.json`)
  const { paths } = (await response.json()) as { paths: Record<string, Record<string, Operation>> }
  return new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, it]) => [`${method.toUpperCase()} ${path}`, it]),
    ),
  )
}

/** Writes down what the features after it add. */
function recorder(): Feature & { routes: string[] } {
  const routes: string[] = []
  return {
    name: 'recorder',
    routes,
    setup(server) {
      const route = server.route.bind(server)
      server.route = (method, path, ...rest) => {
        routes.push(`${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
        route(method, path, ...rest)
      }
    },
  }
}

describe('the routes of features', () => {
  it('stand in openapi.json, all of them, and what stands there is there', async () => {
    const recorded = recorder()
    const all = [presence(), chat(), notifications(), feed(), uploads()]
    const bare = await operations(await start({ features: [] }))
    const test = await start({ features: [recorded, ...all] })
    const described = await operations(test)
    const added = [...described.keys()].filter((name) => !bare.has(name))
    expect(added.toSorted()).toEqual(recorded.routes.toSorted())
    expect(added.length).toBeGreaterThan(20)
    for (const name of added) {
      const [method = '', path = ''] = name.split(' ')
      const response = await fetch(test.url + path.replaceAll(/[{}]/g, ''), {
        method,
        headers: { authorization: `Bearer ${KEY}` },
      })
      const text = await response.text()
      expect(`${name} ${text}`).not.toContain('There is nothing at this address')
      expect([name, response.status]).not.toEqual([name, 405])
    }
  })

  it('say what they take, as they check it', async () => {
    const described = await operations(await start({ features: [chat(), uploads()] }))
    const make = described.get('POST /v1/rooms')
    expect(make?.requestBody?.content['application/json']?.schema).toMatchObject({
      type: 'object',
      required: ['room'],
      additionalProperties: false,
      properties: {
        room: { type: 'string' },
        members: { type: 'array', maxItems: 100, items: { type: 'string' } },
      },
    })
    expect(described.get('GET /v1/rooms/{room}/search')?.parameters).toMatchObject([
      { name: 'room', in: 'path', required: true },
      { name: 'q', in: 'query', required: true, schema: { type: 'string', maxLength: 200 } },
      { name: 'before', in: 'query', required: false, schema: { type: 'integer' } },
      { name: 'limit', in: 'query', required: false, schema: { type: 'integer', maximum: 100 } },
    ])
    const body = described.get('POST /v1/uploads')?.requestBody
    expect(Object.keys(body?.content ?? {})).toEqual(['application/octet-stream'])
    expect(Object.keys(make?.responses ?? {})).toEqual(['201', '400', '401', '403', '409', '429'])
  })

  it('of features that do not run stand nowhere', async () => {
    const described = await operations(await start({ features: ['chat'] }))
    expect(described.has('GET /v1/rooms')).toBe(true)
    expect(described.has('POST /v1/uploads')).toBe(false)
  })
})

it('what a route of a feature refuses is in the audit log, with who was refused', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidewire-audit-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'audit.log')
  const audited = await start({ features: ['chat', 'notifications'], audit: { file } })
  const ask = async (path: string, body: object): Promise<number> => {
    const headers = { authorization: `Bearer ${await audited.token('ada')}` }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    return (await fetch(audited.url + path, init)).status
  }
  expect(await ask('/v1/notifications', { users: ['bob'], kind: 'a', title: 'b' })).toBe(403)
  expect(await ask('/v1/rooms', { room: 'a b' })).toBe(400)
  await audited.server.close()
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object)
  expect(lines).toMatchObject([
    { audit: 'refused', reason: 'forbidden', action: 'request', user: 'ada', transport: 'http' },
  ])
})
