import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { ProtocolError } from '@tidewire/protocol'
import { onTestFinished } from 'vitest'
import type { Resolve, Resolved } from '../outbound/lookup.ts'
import { Outbound, type OutboundOptions } from '../outbound/outbound.ts'

export const LOOPBACK: Resolved = { address: '127.0.0.1', family: 4 }

/** Every name is this machine. */
export const toLoopback: Resolve = async () => [LOOPBACK]

export function outboundWith(options: OutboundOptions = {}): Outbound {
  const outbound = new Outbound(options)
  onTestFinished(() => outbound.close())
  return outbound
}

/** Listens where whoever fools the guard would come out, and counts every connection. */
export async function startCanary() {
  const connections: Socket[] = []
  const server = createTcpServer((socket) => {
    connections.push(socket)
    socket.on('error', () => undefined)
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')
  })
  server.listen(0, '::')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return {
    port,
    connections,
    /** Connections are accepted in their order: when the last one is there, so are all others. */
    async countAfterOneMore(): Promise<number> {
      await outboundWith({ allowPrivate: true }).request(`http://127.0.0.1:${port}/`)
      return connections.length - 1
    },
  }
}

export async function serve(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

export async function failureOf(request: Promise<unknown>): Promise<ProtocolError> {
  const error: unknown = await request.then(
    () => new Error('It was answered.'),
    (error: unknown) => error,
  )
  if (!(error instanceof ProtocolError)) throw error
  return error
}
