import { type ConnectionState, Tidewire, type TidewireOptions } from '@tidewire/client'
import { WebSocket as WebSocketOfWs } from 'ws'
import { Mirror } from './mirror.ts'
import type { Act } from './vectors/client-acts.ts'

/** The two implementations that the client runs on here. */
export const WEB_SOCKETS = [
  ['the WebSocket of the platform', globalThis.WebSocket],
  ['the WebSocket of ws', WebSocketOfWs],
] as const

/** An app, and what it is told. */
export class App {
  readonly client: Tidewire
  readonly states: ConnectionState[] = []
  readonly delivered: unknown[] = []
  readonly resets: unknown[] = []
  readonly errors: string[] = []
  /** What broke the promise: every offset once, in order, or a `reset`. */
  readonly broken: string[] = []
  #last: unknown = 0

  constructor(mirror: Mirror, options: TidewireOptions) {
    this.client = new Tidewire({
      url: mirror.url,
      transports: ['websocket'],
      backoff: { minMs: 1, maxMs: 10 },
      ...options,
    })
    this.client.on('state', ({ to }) => this.states.push(to))
    this.client.on('error', ({ reason }) => this.errors.push(reason))
    this.channel.on('*', ({ payload: { n } }) => {
      if (this.#last !== undefined && n !== Number(this.#last) + 1) {
        this.broken.push(`${JSON.stringify(n)} after ${JSON.stringify(this.#last)}`)
      }
      this.#last = n
      this.delivered.push(n)
    })
    this.channel.onReset((reset) => {
      this.#last = undefined
      this.resets.push(reset)
    })
  }

  get channel() {
    return this.client.channel('chat:a')
  }

  get state(): string {
    return this.client.state.name
  }

  /** Why it went to `reconnecting`, each time. */
  get lost(): string[] {
    return this.states
      .filter((to, i) => to.name === 'reconnecting' && this.states[i - 1]?.name !== 'reconnecting')
      .map((to) => (to as { reason: string }).reason)
  }
}

/** Apps and the mirrors that they meet, until the end of a test. */
export class Meetings {
  readonly #opened: { close(): unknown }[] = []

  /** `calls`: what the mirror does on its first connections. */
  async meet(
    calls: readonly (readonly Act[])[],
    options: TidewireOptions,
  ): Promise<{ mirror: Mirror; app: App }> {
    const mirror = await Mirror.open(calls, 3)
    const app = new App(mirror, options)
    this.#opened.push(app.client, mirror)
    return { mirror, app }
  }

  async end(): Promise<void> {
    for (const each of this.#opened.splice(0)) await each.close()
  }
}

/** Turns with the event loop and not with timers, which some tests move themselves. */
export async function until(condition: () => boolean, what: () => unknown): Promise<void> {
  const end = performance.now() + 20_000
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Waited in vain: ${JSON.stringify(what())}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
