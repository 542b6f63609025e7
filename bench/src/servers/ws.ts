/**
 * The bare loop: what one writes with `ws` and nothing else. `node ws.ts <port>`
 * With `framed` behind the port a message is framed once for all subscribers, as Socket.IO does; with `deflate`
 * messages from 512 bytes on are compressed for each connection.
 */
import * as library from 'ws'

/** What is used of `ws` and its types leave out. */
interface Framing {
  Sender: { frame(data: Buffer, options: object): Buffer[] }
}
interface Framed {
  _sender: { sendFrame(frame: Buffer[]): void }
}

const { WebSocket, WebSocketServer } = library
const { Sender } = library as unknown as Framing
const framed = process.argv[3] === 'framed'

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  perMessageDeflate: process.argv[3] === 'deflate' && { threshold: 512 },
})
const subscribers = new Set<library.WebSocket>()

server.on('connection', (socket, request) => {
  if (request.url === '/subscribe') {
    subscribers.add(socket)
    socket.on('close', () => subscribers.delete(socket))
  }
  socket.on('message', (data: Buffer, binary) => {
    if (framed) return sendFramed(data, binary)
    for (const subscriber of subscribers) {
      if (subscriber.readyState === WebSocket.OPEN) subscriber.send(data, { binary })
    }
  })
})

function sendFramed(data: Buffer, binary: boolean): void {
  const opcode = binary ? 2 : 1
  const frame = Sender.frame(data, { fin: true, rsv1: false, opcode, mask: false, readOnly: false })
  for (const subscriber of subscribers) {
    if (subscriber.readyState !== WebSocket.OPEN) continue
    const socket = subscriber as unknown as Framed
    socket._sender.sendFrame(frame)
  }
}
