import { createServer, type IncomingMessage, type Server } from 'node:http'

/** A server of somebody else's on this machine: of an application, of an identity provider. */
export class LocalServer {
  readonly url: string
  /** Answers that were asked for. */
  asked = 0
  /** Requests are cut off, as by a host that is gone. */
  down = false
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  }

  /** `answer` makes the JSON of an answer from the body of a request, parsed. */
  static async start(answer: (body: unknown) => object): Promise<LocalServer> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const local = new LocalServer(server)
    server.on('request', (request, response) => {
      local.asked += 1
      if (local.down) {
        request.socket.destroy()
        return
      }
      void bodyOf(request).then((body) => {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(answer(body)))
      })
    })
    return local
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text === '' ? undefined : JSON.parse(text)
}
