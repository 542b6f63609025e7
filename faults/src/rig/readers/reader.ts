import type { Recorder } from '../../history/recorder.ts'
import type { Chance } from '../../chance.ts'
import type { Answers } from '../answers.ts'
import { Tape } from '../tape.ts'
import { pause } from '../until.ts'

export interface ReaderOptions {
  /** Unique in the history. */
  name: string
  url: string
  token: string
  /** Asked by clients that can renew their token; they do not use `token` then. */
  getToken?: () => Promise<string>
  channels: readonly string[]
  recorder: Recorder
  answers: Answers
  chance: Chance
}

/** Reads some channels until it is stopped, whatever happens to its connections. */
export interface Reader {
  readonly name: string
  /** All its streams are open. */
  readonly live: boolean
  /** Every stream is live and has reached the offset that `tops` says for its channel. */
  isAt(tops: ReadonlyMap<string, number>): boolean
  start(): void
  stop(): Promise<void>
}

/** Milliseconds between two connections: short, so that a fault meets readers that are coming back. */
const COMES_BACK = { min: 20, max: 200 }

/** A reader that speaks the wire itself, so that nothing but the server decides what it records. */
export abstract class RawReader implements Reader {
  readonly name: string
  protected readonly options: ReaderOptions
  protected readonly tapes: ReadonlyMap<string, Tape>
  readonly #stopping = new AbortController()
  #reading: Promise<void> | undefined

  constructor(options: ReaderOptions) {
    this.name = options.name
    this.options = options
    this.tapes = new Map(
      options.channels.map((channel) => [
        channel,
        new Tape(options.recorder, options.name, channel),
      ]),
    )
  }

  get live(): boolean {
    return [...this.tapes.values()].every(({ live }) => live)
  }

  isAt(tops: ReadonlyMap<string, number>): boolean {
    return areAt([...this.tapes.values()], tops)
  }

  start(): void {
    this.#reading ??= this.#read(this.#stopping.signal)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#reading
  }

  /** Reads over one connection, or with one request, until it ends. It may reject: what broke off is tried again. */
  protected abstract connection(signal: AbortSignal): Promise<void>

  async #read(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const ended = await this.connection(signal).then(
        () => true,
        () => false,
      )
      if (signal.aborted) return
      // A request that ended well is followed by the next at once.
      if (ended && this.live) continue
      for (const tape of this.tapes.values()) tape.disconnected()
      await pause(this.options.chance.between(COMES_BACK.min, COMES_BACK.max))
    }
  }
}

export function areAt(
  tapes: readonly Pick<Tape, 'channel' | 'live' | 'position'>[],
  tops: ReadonlyMap<string, number>,
): boolean {
  return tapes.every(({ live, channel, position }) => {
    return live && position !== undefined && position.offset >= (tops.get(channel) ?? 0)
  })
}
