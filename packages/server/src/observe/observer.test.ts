import { expect, test } from 'vitest'
import type { Logger } from './logs.ts'
import { Metrics } from './metrics.ts'
import { ServerObserver } from './observer.ts'

function observed() {
  const lines: { message: string; fields: unknown }[] = []
  const write = (fields: unknown, message: string) => void lines.push({ message, fields })
  const logger: Logger = { debug: () => {}, info: write, warn: write, error: write }
  const clock = { now: 0 }
  const metrics = new Metrics()
  const observer = new ServerObserver({ metrics, logger, now: () => clock.now })
  return { observer, metrics, lines, clock }
}

test('connections are counted by transport, open and closed by code', async () => {
  const { observer, metrics } = observed()
  observer.connected('websocket')
  observer.connected('websocket')
  observer.connected('sse')
  observer.disconnected('websocket', 4008)
  const text = await metrics.text()
  expect(text).toContain('tidewire_connections_open{transport="websocket"} 1')
  expect(text).toContain('tidewire_connections_open{transport="sse"} 1')
  expect(text).toContain('tidewire_connections_opened_total{transport="websocket"} 2')
  expect(text).toContain('tidewire_connections_closed_total{transport="websocket",code="4008"} 1')
})

test('labels that peers could make up are one label', async () => {
  const { observer, metrics } = observed()
  for (let code = 3000; code < 4000; code++) {
    observer.connected(`made-up-${code}`)
    observer.disconnected(`made-up-${code}`, code)
  }
  const text = await metrics.text()
  expect(text).toContain('tidewire_connections_closed_total{transport="other",code="other"} 1000')
  expect(text).not.toContain('made-up')
})

test('publications, deliveries, resets and failures are counted', async () => {
  const { observer, metrics } = observed()
  observer.published('durable', false)
  observer.published('durable', true)
  observer.delivered(200)
  observer.delivered(5)
  observer.reset('expired')
  observer.failed('storage', new Error('full'))
  const text = await metrics.text()
  expect(text).toContain('tidewire_publications_total{durability="durable",duplicate="false"} 1')
  expect(text).toContain('tidewire_publications_total{durability="durable",duplicate="true"} 1')
  expect(text).toContain('tidewire_deliveries_total 205')
  expect(text).toContain('tidewire_resets_total{reason="expired"} 1')
  expect(text).toContain('tidewire_errors_total{where="storage"} 1')
})

test('refusals are counted by reason, all of them, and written down', async () => {
  const { observer, metrics, lines } = observed()
  const refusal = { action: 'publish', channel: 'chat:a', user: 'ada' }
  for (let i = 0; i < 5000; i++) observer.refused({ reason: 'rate_limited', ...refusal })
  observer.refused({ reason: 'forbidden', ...refusal })
  const text = await metrics.text()
  expect(text).toContain('tidewire_refused_total{reason="rate_limited"} 5000')
  expect(text).toContain('tidewire_refused_total{reason="forbidden"} 1')
  expect(text).not.toContain('chat:a')
  expect(lines).toHaveLength(10)
  await observer.close()
  expect(lines.at(-1)).toMatchObject({ fields: { audit: 'suppressed', suppressed: 4991 } })
})

test('a place that keeps failing is logged once a second and counted every time', async () => {
  const { observer, metrics, lines, clock } = observed()
  for (let i = 0; i < 100; i++) observer.failed('storage', new Error('full'))
  observer.failed('broker', new Error('gone'))
  clock.now = 1000
  observer.failed('storage', new Error('full'))
  expect(lines.map(({ message }) => message)).toEqual([
    'failure in storage',
    'failure in broker',
    'failure in storage',
  ])
  expect(lines[2]?.fields).toMatchObject({ more: 99 })
  expect(await metrics.text()).toContain('tidewire_errors_total{where="storage"} 101')
})
