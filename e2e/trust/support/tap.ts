import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP proxy in front of a server that keeps every byte that comes back through it. */
export class Tap {
  readonly url: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** What came, by connection: pieces of two of them must not part a text. */
  readonly #received: Buffer[][] = []

  private constructor(server: Server, port: number) {
    this.#server = server
    this.url = `http://127.0.0.1:${port}`
  }

  static async start(target: number): Promise<Tap> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const tap = new Tap(server, (server.address() as { port: number }).port)
    server.on('connection', (socket) => tap.#join(socket, connect(target, '127.0.0.1')))
    return tap
  }

  /** Whether the text came through it, to whichever connection. */
  received(text: string): boolean {
    return this.#received.some((chunks) => {
      if (chunks.length > 1) chunks.splice(0, Infinity, Buffer.concat(chunks))
      return chunks[0]?.includes(text) === true
    })
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(downstream: Socket, upstream: Socket): void {
    const chunks: Buffer[] = []
    this.#received.push(chunks)
    upstream.on('data', (chunk) => chunks.push(chunk))
    upstream.pipe(downstream)
    downstream.pipe(upstream)
    for (const [one, other] of [
      [downstream, upstream],
      [upstream, downstream],
    ] as const) {
      this.#sockets.add(one)
      // `close` follows.
      one.on('error', () => undefined)
      one.on('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
    }
  }
}
