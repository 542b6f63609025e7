import { type Envelope, JSON_SUBPROTOCOL } from '@tidewire/protocol'
import { WebSocket } from 'ws'
import type { ServerProcess } from '../rig/server-process.ts'
import { until } from '../rig/until.ts'

const PER_SECOND = 100
const CONNECT_MS = 15_000
const ARRIVE_MS = 10_000

/** What somebody who does nothing wrong notices. */
export interface Experience {
  published: number
  /** Milliseconds from publish to delivery: of half of them, and of 99 of 100. */
  p50: number
  p99: number
  /** Milliseconds that the slowest answer to `GET /health` took. */
  slowestProbe: number
  /** One sentence for each thing that went wrong. */
  complaints: string[]
}

/** Two sockets of a user who does nothing wrong: one publishes 100 times a second, the other is delivered. */
export class Bystander {
  readonly #server: ServerProcess
  readonly #publisher: WebSocket
  readonly #subscriber: WebSocket
  #sentAt: number[] = []
  #delays: number[] = []
  #complaints: string[] = []

  private constructor(server: ServerProcess, publisher: WebSocket, subscriber: WebSocket) {
    this.#server = server
    this.#publisher = publisher
    this.#subscriber = subscriber
    for (const socket of [publisher, subscriber]) {
      // `close` follows.
      socket.on('error', () => undefined)
      socket.on('close', (code) => this.#complaints.push(`The bystander was cut off: ${code}.`))
      socket.on('message', (data: Buffer) => this.#told(JSON.parse(data.toString()) as Envelope))
    }
  }

  static async start(server: ServerProcess): Promise<Bystander> {
    const token = await server.token('bystander')
    const [publisher, subscriber] = [await open(server, token), await open(server, token)]
    const bystander = new Bystander(server, publisher, subscriber)
    const subscribed = new Promise((resolve) => subscriber.once('message', resolve))
    send(subscriber, 'subscribe', { channel: 'live:bystander' })
    await subscribed
    return bystander
  }

  /** What it notices until `over`. */
  async experience(over: Promise<unknown>): Promise<Experience> {
    this.#sentAt = []
    this.#delays = []
    this.#complaints = []
    let slowestProbe = 0
    const publishing = setInterval(() => this.#publish(), 1000 / PER_SECOND)
    const probing = setInterval(() => {
      const began = performance.now()
      this.#probe().then(
        () => (slowestProbe = Math.max(slowestProbe, performance.now() - began)),
        (error: unknown) => this.#complaints.push(`GET /health: ${String(error)}`),
      )
    }, 500)
    await over
    clearInterval(publishing)
    clearInterval(probing)
    await until(() => this.#delays.length === this.#sentAt.length, String, ARRIVE_MS).catch(() => {
      const missing = this.#sentAt.length - this.#delays.length
      this.#complaints.push(`${missing} of ${this.#sentAt.length} publications never came.`)
    })
    const sorted = this.#delays.toSorted((a, b) => a - b)
    const quantile = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? Infinity
    return {
      published: this.#sentAt.length,
      p50: quantile(0.5),
      p99: quantile(0.99),
      slowestProbe,
      complaints: this.#complaints,
    }
  }

  stop(): void {
    this.#publisher.removeAllListeners('close')
    this.#subscriber.removeAllListeners('close')
    this.#publisher.terminate()
    this.#subscriber.terminate()
  }

  #publish(): void {
    const n = this.#sentAt.push(performance.now()) - 1
    send(this.#publisher, 'message', { n }, { channel: 'live:bystander' })
  }

  #told({ type, payload, metadata }: Envelope): void {
    if (type === 'error')
      this.#complaints.push(`The bystander was told: ${JSON.stringify(payload)}`)
    if (type !== 'message' || metadata.channel === undefined) return
    this.#delays.push(performance.now() - this.#sentAt[Number(payload['n'])]!)
  }

  async #probe(): Promise<void> {
    const { status } = await fetch(`${this.#server.url}/health`)
    if (status !== 200) throw new Error(`status ${status}`)
  }
}

async function open(server: ServerProcess, token: string): Promise<WebSocket> {
  const address = `ws://127.0.0.1:${server.port}/v1/ws`
  const socket = new WebSocket(address, [JSON_SUBPROTOCOL, `bearer.${token}`])
  let greeted = false
  socket.once('message', () => (greeted = true))
  await until(
    () => greeted,
    () => 'The bystander did not get in.',
    CONNECT_MS,
  )
  return socket
}

function send(socket: WebSocket, type: string, payload: object, metadata: object = {}): void {
  socket.send(JSON.stringify({ type, payload, metadata }))
}
