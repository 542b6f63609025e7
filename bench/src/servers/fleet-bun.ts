/** Bun's native publish (uWebSockets) with a token that is verified at the handshake. `bun fleet-bun.ts <port>` */
import { verifyToken } from './token.ts'

interface Data {
  channel: string
}
/** What is used of Bun; its types are not installed with the workspaces. */
interface Socket {
  data: Data
  subscribe(topic: string): void
  send(message: string): void
}
interface Server {
  upgrade(request: Request, options: { data: Data }): boolean
}
declare const Bun: {
  argv: string[]
  gc(sync: boolean): void
  serve(options: {
    hostname: string
    port: number
    fetch(request: Request, server: Server): Response | undefined
    websocket: {
      perMessageDeflate: boolean
      open(socket: Socket): void
      message(socket: Socket): void
    }
  }): Server
}

const secret = process.env['BENCH_SECRET'] ?? ''

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(Bun.argv[2]),
  fetch(request, server) {
    const { searchParams } = new URL(request.url)
    const channel = searchParams.get('channel') ?? ''
    if (verifyToken(searchParams.get('token') ?? '', secret) === undefined) {
      return new Response(null, { status: 401 })
    }
    return server.upgrade(request, { data: { channel } })
      ? undefined
      : new Response(null, { status: 404 })
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe(socket.data.channel)
      socket.send('subscribed')
    },
    message() {
      // Nobody publishes here.
    },
  },
})

// As `collect.ts` does for Node.
process.on('SIGUSR2', () => Bun.gc(true))
