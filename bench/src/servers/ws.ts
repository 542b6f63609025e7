/** The bare loop: what one writes with `ws` and nothing else. `node ws.ts <port>` */
import { WebSocket, WebSocketServer } from 'ws'

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  perMessageDeflate: false,
})
const subscribers = new Set<WebSocket>()

server.on('connection', (socket, request) => {
  if (request.url === '/subscribe') {
    subscribers.add(socket)
    socket.on('close', () => subscribers.delete(socket))
  }
  socket.on('message', (data, binary) => {
    for (const subscriber of subscribers) {
      if (subscriber.readyState === WebSocket.OPEN) subscriber.send(data, { binary })
    }
  })
})
