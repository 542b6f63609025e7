import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { Chance } from '../chance.ts'
import { FaultProxy } from './fault-proxy.ts'
import type { Filter } from './toxics.ts'
import { copyMessages } from './websocket-filter.ts'

let server: WebSocketServer
let proxy: FaultProxy

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  proxy = await FaultProxy.start({ target: port, chance: new Chance(3) })
})

afterEach(async () => {
  for (const client of server.clients) client.terminate()
  await proxy.close()
  await new Promise((resolve) => server.close(resolve))
})

function inPieces(filter: Filter, size: number): Filter {
  return (bytes) => {
    const passed: Buffer[] = []
    for (let at = 0; at < bytes.byteLength; at += size) {
      passed.push(filter(bytes.subarray(at, at + size)))
    }
    return Buffer.concat(passed)
  }
}

describe('the message filter', () => {
  it.each([7, 100, 100_000])(
    'drops and doubles whole messages that come in pieces of %i bytes',
    async (size) => {
      const copies = (text: string) =>
        text.startsWith('drop') ? 0 : text.startsWith('twice') ? 2 : 1
      proxy.add({
        type: 'filter',
        stream: 'downstream',
        make: () => inPieces(copyMessages(copies), size),
      })
      const kept = [
        'keep 1',
        `keep ${'x'.repeat(200)}`,
        `keep ${'y'.repeat(70_000)}`,
        'twice',
        'the end',
      ]
      server.on('connection', (socket) => {
        for (const text of kept) {
          socket.send(`drop ${text}`)
          socket.send(text)
        }
        socket.ping('alive')
      })
      const client = new WebSocket(`ws://127.0.0.1:${proxy.port}`)
      const got: string[] = []
      client.on('message', (data: Buffer) => got.push(data.toString()))
      const [ping] = (await once(client, 'ping')) as [Buffer]
      expect(ping.toString()).toBe('alive')
      expect(got).toEqual(kept.toSpliced(3, 0, 'twice'))
    },
  )
})
