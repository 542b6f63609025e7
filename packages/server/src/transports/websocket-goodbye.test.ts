import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { DEFAULT_FRAME_LIMITS } from '@tidewire/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import {
  quietObserver,
  type ScriptedSession,
  ScriptedService,
} from '../../contract/scripted-service.ts'
import { Door } from './door.ts'
import { Turnstile } from './turnstile.ts'
import { WebSocketTransport } from './websocket.ts'

const PING = '{"type":"ping"}'

let server: http.Server
let transport: WebSocketTransport
let session: ScriptedSession
let client: WebSocket

beforeEach(async () => {
  const service = new ScriptedService()
  const observer = quietObserver()
  transport = new WebSocketTransport({
    door: new Door({ origins: [], hosts: [], proxies: [], observer }),
    turnstile: new Turnstile({ maxWaiting: 10, random: () => 0, observer }),
    service,
    observer,
    frame: DEFAULT_FRAME_LIMITS,
    compression: { enabled: false, min_bytes: 512 },
    heartbeatMs: 25_000,
  })
  server = http.createServer()
  server.on('upgrade', (request, socket, head) => void transport.upgrade(request, socket, head))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const opened = service.opened()
  client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/ws`)
  session = await opened
  await once(client, 'open')
})

afterEach(async () => {
  client.terminate()
  transport.close()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

function send(count: number): void {
  for (let i = 0; i < count; i++) client.send(PING)
}

describe('what comes behind our goodbye', () => {
  it('is not read, and the goodbye of the peer is', async () => {
    send(10)
    session.connection.close(4004, 'rate_limited')
    const [code] = (await once(client, 'close')) as [number]
    expect(code).toBe(4004)
    expect(session.received).toEqual([])
    await expect.poll(() => session.closedWith).toBe(4004)
  })

  it('is not read for long, however much it is, and costs the peer no time', async () => {
    send(5_000)
    const began = performance.now()
    session.connection.close(4004, 'rate_limited')
    const [code] = (await once(client, 'close')) as [number]
    expect(code).toBe(4004)
    expect(session.received).toEqual([])
    await expect.poll(() => session.closedWith).toBeDefined()
    // The connection would be let go by itself after three seconds.
    expect(performance.now() - began).toBeLessThan(2_500)
  })

  it('may be pings, too', async () => {
    for (let i = 0; i < 5_000; i++) client.ping()
    session.connection.close(4004, 'rate_limited')
    const [code] = (await once(client, 'close')) as [number]
    expect(code).toBe(4004)
    await expect.poll(() => session.closedWith).toBeDefined()
  })
})
