/** Many channels with Bun's native publish: JSON objects, routed by `channel`. `bun bun-channels.ts <port>` */

/** What is used of Bun; its types are not installed with the workspaces. */
interface Socket {
  subscribe(topic: string): void
  send(message: string): void
}
interface Server {
  upgrade(request: Request): boolean
  publish(topic: string, message: string): number
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
      message(socket: Socket, message: string): void
    }
  }): Server
}

interface Message {
  subscribe?: string
  channel?: string
  /** Whoever gives one gets an ack. */
  id?: string
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(Bun.argv[2]),
  fetch: (request, server) =>
    server.upgrade(request) ? undefined : new Response(null, { status: 404 }),
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 960,
    backpressureLimit: 64 * 1024 * 1024,
    message(socket, text) {
      const { subscribe, channel = '', id } = JSON.parse(text) as Message
      if (subscribe !== undefined) {
        socket.subscribe(subscribe)
        socket.send('{"subscribed":true}')
        return
      }
      server.publish(channel, text)
      if (id !== undefined) socket.send(`{"ack":"${id}"}`)
    },
  },
})
