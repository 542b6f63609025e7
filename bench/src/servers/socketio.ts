/**
 * Socket.IO with one room, WebSocket only, nothing compressed. `node socketio.ts <port>`
 * With `recovery` behind the port, connection state recovery is on, as its documentation shows it; with
 * `deflate` messages from 512 bytes on are compressed.
 */
import { createServer, type Server as HttpServer } from 'node:http'
import { createRequire } from 'node:module'

/** What is used of Socket.IO; its types are not installed with the workspaces. */
interface Socket {
  join(room: string): void
  on(event: 'subscribe', listener: (room: string, done: () => void) => void): void
  on(event: 'message', listener: (payload: unknown) => void): void
  on(event: 'publish', listener: (room: string, payload: unknown, done?: () => void) => void): void
}
interface Server {
  on(event: 'connection', listener: (socket: Socket) => void): void
  to(room: string): { emit(event: string, payload: unknown): void }
}
interface SocketIo {
  Server: new (http: HttpServer, options: object) => Server
}

const requirePeer = createRequire(new URL('../../peers/package.json', import.meta.url))
const { Server } = requirePeer('socket.io') as SocketIo

const recovery = { connectionStateRecovery: { maxDisconnectionDuration: 2 * 60 * 1000 } }

const http = createServer((_request, response) => response.writeHead(404).end())
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: process.argv[3] === 'deflate' && { threshold: 512 },
  httpCompression: false,
  serveClient: false,
  ...(process.argv[3] === 'recovery' && recovery),
})

io.on('connection', (socket) => {
  socket.on('subscribe', (room, done) => {
    socket.join(room)
    done()
  })
  socket.on('message', (payload) => io.to('bench').emit('message', payload))
  socket.on('publish', (room, payload, done) => {
    io.to(room).emit('message', payload)
    done?.()
  })
})

http.listen(Number(process.argv[2]), '127.0.0.1')
