import { afterEach, expect, test, vi } from 'vitest'
import { Metrics } from './metrics.ts'
import { OpsServer, type Readiness } from './ops-server.ts'

const servers: OpsServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function listening(readiness: () => Readiness = () => ({ ready: true })) {
  const metrics = new Metrics()
  const server = new OpsServer({ metrics, readiness })
  servers.push(server)
  return { metrics, url: await server.listen({ host: '127.0.0.1', port: 0 }) }
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
  vi.restoreAllMocks()
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

test('other paths and methods are refused', async () => {
  const { url } = await listening()
  expect((await fetch(`${url}/`)).status).toBe(404)
  expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405)
})

test('a port that is taken rejects', async () => {
  const { url } = await listening()
  const server = new OpsServer({ metrics: new Metrics(), readiness: () => ({ ready: true }) })
  servers.push(server)
  const port = Number(new URL(url).port)
  await expect(server.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
    port,
  })
})
