/** Socket.IO with one room, WebSocket only, nothing compressed. `node socketio.ts <port>` */
import { createServer, type Server as HttpServer } from 'node:http'
import { createRequire } from 'node:module'

/** What is used of Socket.IO; its types are not installed with the workspaces. */
interface Socket {
  join(room: string): void
  on(event: 'subscribe', listener: (room: string, done: () => void) => void): void
  on(event: 'message', listener: (payload: unknown) => void): void
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

const http = createServer((_request, response) => response.writeHead(404).end())
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
})

io.on('connection', (socket) => {
  socket.on('subscribe', (room, done) => {
    socket.join(room)
    done()
  })
  socket.on('message', (payload) => io.to('bench').emit('message', payload))
})

http.listen(Number(process.argv[2]), '127.0.0.1')
