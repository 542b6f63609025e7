import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { fanOut } from './fan-out.ts'

interface Asked {
  type: string
  payload: { channel?: string }
  metadata: { message_id?: string; channel?: string }
}

/** A server that hands on every publication `copiesOf` times to each subscriber. */
async function start(copiesOf: (publication: number, subscriber: number) => number) {
  const subscribers: WebSocket[] = []
  let published = 0
  const http = createServer((_request, response) => response.end('{"token":"one"}'))
  new WebSocketServer({ server: http }).on('connection', (socket) => {
    socket.send('{"type":"connection_established","payload":{},"metadata":{}}')
    socket.on('message', (data: Buffer) => {
      const { type, metadata } = JSON.parse(data.toString()) as Asked
      if (type === 'subscribe') {
        subscribers.push(socket)
        const correlation_id = metadata.message_id
        socket.send(
          JSON.stringify({ type: 'subscribed', payload: {}, metadata: { correlation_id } }),
        )
      }
      if (type !== 'bench') return
      published += 1
      for (const [n, subscriber] of subscribers.entries()) {
        for (let i = copiesOf(published, n); i > 0; i--) subscriber.send(data.toString())
      }
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    http.closeAllConnections()
    http.close()
  })
  return (http.address() as AddressInfo).port
}

const load = { subscribers: 20, users: 5, present: false, payload: 10, warmup: 0.05, seconds: 0.1 }
const ignore = (): void => undefined

it('counts what everybody received', async () => {
  const port = await start(() => 1)
  const { publications, deliveries } = await fanOut({ ...load, port }, ignore, ignore)
  expect(publications).toBeGreaterThan(0)
  expect(deliveries).toBe(publications * load.subscribers)
})

it('does not measure a server that loses a delivery', async () => {
  const port = await start((publication, n) => (publication === 3 && n === 7 ? 0 : 1))
  const measured = fanOut({ ...load, port, stallMs: 200 }, ignore, ignore)
  await expect(measured).rejects.toThrow('1 deliveries are missing.')
})

it('does not measure a server that delivers to one twice and to another not at all', async () => {
  const copies = (publication: number, n: number): number => {
    return publication === 3 ? (n === 7 ? 0 : n === 8 ? 2 : 1) : 1
  }
  const measured = fanOut({ ...load, port: await start(copies) }, ignore, ignore)
  await expect(measured).rejects.toThrow('Subscriber 7 got')
})
