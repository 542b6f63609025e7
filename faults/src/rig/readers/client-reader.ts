import { Tidewire, type TransportName } from '@tidewire/client'
import { Tape } from '../tape.ts'
import { areAt, type Reader, type ReaderOptions } from './reader.ts'

/** An application on `@tidewire/client`: what it records is what the application is told. */
export class ClientReader implements Reader {
  readonly name: string
  readonly #options: ReaderOptions
  readonly #transport: TransportName
  readonly #tapes: Tape[] = []
  #client: Tidewire | undefined

  constructor(options: ReaderOptions, transport: TransportName) {
    this.name = options.name
    this.#options = options
    this.#transport = transport
  }

  get live(): boolean {
    return this.#tapes.length > 0 && this.#tapes.every(({ live }) => live)
  }

  isAt(tops: ReadonlyMap<string, number>): boolean {
    return areAt(this.#tapes, tops)
  }

  start(): void {
    const { url, token, getToken, channels } = this.#options
    const backoff = { minMs: 50, maxMs: 400 }
    const access = getToken === undefined ? { token } : { getToken }
    this.#client = new Tidewire({ url, ...access, transports: [this.#transport], backoff })
    this.#client.on('error', (error) => {
      if (typeof error.code === 'number') this.#options.answers.error('client', error.code)
    })
    for (const channel of channels) this.#follow(this.#client, channel)
  }

  async stop(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.close()
  }

  #follow(client: Tidewire, name: string): void {
    const { recorder } = this.#options
    const tape = new Tape(recorder, this.name, name)
    this.#tapes.push(tape)
    const channel = client.channel(name)
    let told: string | undefined
    channel.onReset(({ epoch, offset, reason }) => {
      if (this.#client === undefined) return
      // One before `subscribed` says why that will not go on from the position.
      if (tape.live) tape.reset({ epoch, offset, reason })
      else told = reason
    })
    channel.on('*', (publication) => {
      if (this.#client !== undefined) tape.received(publication, channel.position?.epoch)
    })
    channel.onState((state) => {
      if (this.#client === undefined) return
      if (state.name === 'subscribing') {
        tape.disconnected()
        return
      }
      if (state.name !== 'subscribed' || state.position === undefined) return
      const { recovered } = state
      const since = tape.position
      tape.asks(since)
      // What the application has stays where it is, from wherever the server begins again.
      const at = recovered && since !== undefined ? since : state.position
      tape.subscribed({ ...at, recovered, reason: told })
      told = undefined
    })
    // It is wanted until the client is closed, which is what rejects it.
    channel.subscribe().catch((error: unknown) => {
      if (this.#client !== undefined) this.#options.answers.undocumented.push(String(error))
    })
  }
}
