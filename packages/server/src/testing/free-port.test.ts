import { createServer } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { freePort, type PortRange } from './free-port.ts'

const RANGE: PortRange = { first: 10_000, count: 10_000 }

async function listen(port: number): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())))
}

it('is a port of the range, which can be listened on', async () => {
  const port = await freePort(RANGE)
  expect(port).toBeGreaterThanOrEqual(RANGE.first)
  expect(port).toBeLessThan(RANGE.first + RANGE.count)
  await listen(port)
})

it('is none that something listens on', async () => {
  const first = await freePort(RANGE)
  await listen(first)
  const others = { first, count: 20 }
  for (let n = 0; n < 100; n++) {
    const port = await freePort(others)
    expect(port).toBeGreaterThan(first)
    expect(port).toBeLessThan(first + others.count)
  }
})

it('is missing where everything of the range is taken', async () => {
  const first = await freePort(RANGE)
  await listen(first)
  await expect(freePort({ first, count: 1 })).rejects.toThrow(`No port from ${first} to ${first}`)
})
