/** Bun's native publish (uWebSockets). `bun bun.ts <port>` */

/** What is used of Bun; its types are not installed with the workspaces. */
interface Socket {
  data: { subscribe: boolean }
  subscribe(topic: string): void
}
interface Server {
  upgrade(request: Request, options: { data: Socket['data'] }): boolean
  publish(topic: string, message: string | Uint8Array): number
}
declare const Bun: {
  argv: string[]
  serve(options: {
    hostname: string
    port: number
    fetch(request: Request, server: Server): Response | undefined
    websocket: {
      perMessageDeflate: boolean
      idleTimeout: number
      backpressureLimit: number
      open(socket: Socket): void
      message(socket: Socket, message: string | Uint8Array): void
    }
  }): Server
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(Bun.argv[2]),
  fetch(request, server) {
    const data = { subscribe: request.url.endsWith('/subscribe') }
    return server.upgrade(request, { data }) ? undefined : new Response(null, { status: 404 })
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 960,
    backpressureLimit: 64 * 1024 * 1024,
    open(socket) {
      if (socket.data.subscribe) socket.subscribe('bench')
    },
    message(_socket, message) {
      server.publish('bench', message)
    },
  },
})
