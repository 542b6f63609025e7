import { afterEach, expect, test, vi } from 'vitest'
import { delaySeconds, Metrics } from './metrics.ts'
import { OpsServer, type Readiness } from './ops-server.ts'

const servers: OpsServer[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function listening(readiness: () => Readiness = () => ({ ready: true })) {
  const metrics = new Metrics()
  const failures: unknown[] = []
  const failed = (where: string, error: unknown): void => void failures.push(where, error)
  const server = new OpsServer({ metrics, readiness, observer: { failed } })
  servers.push(server)
  return { metrics, failures, url: await server.listen({ host: '127.0.0.1', port: 0 }) }
}

test('/metrics is what Prometheus reads', async () => {
  const { metrics, url } = await listening()
  metrics.delivered(3)
  const response = await fetch(`${url}/metrics`)
  expect(response.headers.get('content-type')).toContain('text/plain')
  const text = await response.text()
  expect(text).toContain('tidewire_deliveries_total 3')
  expect(text).toContain('tidewire_event_loop_delay_seconds{quantile="0.99"}')
  expect(text).toContain('process_resident_memory_bytes')
})

test('/metrics walks over no connections, however many are open', async () => {
  const { url } = await listening()
  const walk = vi.spyOn(process, '_getActiveHandles' as never)
  const list = vi.spyOn(process, 'getActiveResourcesInfo')
  const text = await (await fetch(`${url}/metrics`)).text()
  expect(text).toContain('nodejs_heap_size_used_bytes')
  expect(walk).not.toHaveBeenCalled()
  expect(list).not.toHaveBeenCalled()
})

test('the delay of the event loop is told once, without the time between two looks', async () => {
  const { url } = await listening()
  const text = await (await fetch(`${url}/metrics`)).text()
  expect(text).not.toContain('nodejs_eventloop_lag')
  expect([10_000_000, 10_100_000, 9_000_000, 0].map(delaySeconds)).toEqual([0, 0.0001, 0, 0])
})

test('/health answers as long as the process does', async () => {
  const { url } = await listening(() => ({ ready: false, reason: 'draining' }))
  expect((await fetch(`${url}/health`)).status).toBe(200)
})

test('/ready tells whether the server should be given connections', async () => {
  let readiness: Readiness = { ready: true }
  const { url } = await listening(() => readiness)
  expect((await fetch(`${url}/ready`)).status).toBe(200)
  readiness = { ready: false, reason: 'draining' }
  const response = await fetch(`${url}/ready`)
  expect(response.status).toBe(503)
  expect(await response.json()).toEqual({ status: 'unavailable', reason: 'draining' })
})

test('what fails is told, and the request ends', async () => {
  const broken = new Error('nobody knows')
  const { url, failures } = await listening(() => {
    throw broken
  })
  await expect(fetch(`${url}/ready`)).rejects.toThrow(TypeError)
  expect(failures).toEqual(['ops', broken])
})

test('other paths and methods are refused', async () => {
  const { url } = await listening()
  expect((await fetch(`${url}/`)).status).toBe(404)
  expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405)
})

test('a port that is taken rejects', async () => {
  const { url } = await listening()
  const server = new OpsServer({
    metrics: new Metrics(),
    readiness: () => ({ ready: true }),
    observer: { failed: () => undefined },
  })
  servers.push(server)
  const port = Number(new URL(url).port)
  await expect(server.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
    port,
  })
})
