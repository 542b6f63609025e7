/**
 * Socket.IO with a middleware that verifies a token, and rooms. With `recovery` it keeps two minutes for those who come
 * back. `node fleet-socketio.ts <port> [recovery]`
 */
import { createServer, type Server as HttpServer } from 'node:http'
import { createRequire } from 'node:module'

import { verifyToken } from './token.ts'

/** What is used of Socket.IO; its types are not installed with the workspaces. */
interface Socket {
  handshake: { auth: { token?: unknown } }
  data: { user?: string }
  join(room: string): void
  on(event: 'subscribe', listener: (room: string, done: () => void) => void): void
  on(event: 'publish', listener: (room: string, payload: unknown) => void): void
}
interface Server {
  use(middleware: (socket: Socket, next: (error?: Error) => void) => void): void
  on(event: 'connection', listener: (socket: Socket) => void): void
  to(room: string): { emit(event: string, payload: unknown): void }
}
interface SocketIo {
  Server: new (http: HttpServer, options: object) => Server
}

const requirePeer = createRequire(new URL('../../peers/package.json', import.meta.url))
const { Server } = requirePeer('socket.io') as SocketIo

const secret = process.env['BENCH_SECRET'] ?? ''
const recovers = process.argv[3] === 'recovery'
const http = createServer((_request, response) => response.writeHead(404).end())
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  ...(recovers && {
    connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: false },
  }),
})

io.use((socket, next) => {
  const user = verifyToken(String(socket.handshake.auth.token), secret)
  if (user === undefined) next(new Error('unauthorized'))
  else {
    socket.data.user = user
    next()
  }
})

io.on('connection', (socket) => {
  socket.on('subscribe', (room, done) => {
    socket.join(room)
    done()
  })
  socket.on('publish', (room, payload) => io.to(room).emit('message', payload))
})

http.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
