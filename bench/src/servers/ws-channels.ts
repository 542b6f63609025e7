/** Many channels with `ws` and nothing else: JSON objects, routed by `channel`. `node ws-channels.ts <port>` */
import { WebSocket, WebSocketServer } from 'ws'

interface Message {
  subscribe?: string
  channel?: string
  /** Whoever gives one gets an ack. */
  id?: string
}

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  perMessageDeflate: false,
})
const channels = new Map<string, Set<WebSocket>>()

server.on('connection', (socket) => {
  const mine = new Set<Set<WebSocket>>()
  socket.on('message', (data: Buffer) => {
    const { subscribe, channel = '', id } = JSON.parse(data.toString()) as Message
    if (subscribe !== undefined) {
      const subscribers = channels.get(subscribe) ?? new Set()
      channels.set(subscribe, subscribers.add(socket))
      mine.add(subscribers)
      socket.send('{"subscribed":true}')
      return
    }
    for (const subscriber of channels.get(channel) ?? []) {
      if (subscriber.readyState === WebSocket.OPEN) subscriber.send(data, { binary: false })
    }
    if (id !== undefined) socket.send(`{"ack":"${id}"}`)
  })
  socket.on('close', () => {
    for (const subscribers of mine) subscribers.delete(socket)
  })
})
