/** `ws` with a token that is verified at the handshake and a map of channels. `node fleet-ws.ts <port>` */
import { createServer } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'

import { verifyToken } from './token.ts'

const secret = process.env['BENCH_SECRET'] ?? ''
const channels = new Map<string, Set<WebSocket>>()
const sockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  clientTracking: false,
})

const http = createServer((_request, response) => response.writeHead(404).end())
http.on('upgrade', (request, socket, head) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://server')
  const channel = searchParams.get('channel') ?? ''
  if (verifyToken(searchParams.get('token') ?? '', secret) === undefined) {
    socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n')
    return
  }
  sockets.handleUpgrade(request, socket, head, (client) => subscribe(client, channel))
})

function subscribe(client: WebSocket, channel: string): void {
  const subscribers = channels.get(channel) ?? new Set()
  channels.set(channel, subscribers.add(client))
  client.on('close', () => subscribers.delete(client))
  client.on('error', () => client.terminate())
  client.send('subscribed')
}

http.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
