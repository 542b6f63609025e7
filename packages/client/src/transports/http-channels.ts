import {
  decodeCursor,
  encodeCursor,
  type Envelope,
  type JsonObject,
  type Position,
} from '@tidewire/protocol'
import { errorEnvelope, TidewireError } from '../errors.ts'
import { type Http, isAboutChannels } from './http.ts'

/** A channel that the client subscribed to, on a transport over HTTP. */
interface Entry {
  readonly channel: string
  /** `message_id` of the `subscribe` frame. */
  readonly ask: string | undefined
  readonly last: number | undefined
  /** Where the stream stands. `undefined`: from now on, or a channel without a log. */
  position: Position | undefined
  /** `subscribed` was told. */
  live: boolean
  /** Told with `subscribed`: the `reset` event that repeats it is left out. */
  told: Position | undefined
}

/** The body of a poll (PROTOCOL.md §8). */
interface PollPage {
  cursor: string
  publications: Envelope[]
  resets: (JsonObject & { channel: string; epoch?: string; offset: number })[]
}

/**
 * The subscriptions of a transport over HTTP, and their positions: they make the cursor of the next request, so that
 * whatever ends a request loses and doubles nothing. Says what a WebSocket would have said.
 */
export class HttpChannels {
  readonly #http: Http
  readonly #emit: (envelope: Envelope) => void
  readonly #entries = new Map<string, Entry>()

  constructor(http: Http, emit: (envelope: Envelope) => void) {
    this.#http = http
    this.#emit = emit
  }

  get size(): number {
    return this.#entries.size
  }

  /** Those that are not live yet. */
  get pending(): Entry[] {
    return [...this.#entries.values()].filter(({ live }) => !live)
  }

  get all(): Entry[] {
    return [...this.#entries.values()]
  }

  subscribe({ payload, metadata }: Envelope): void {
    const { channel, since, last } = payload as unknown as {
      channel: string
      since?: Position
      last?: number
    }
    this.#entries.set(channel, {
      channel,
      ask: metadata.message_id,
      last,
      position: since,
      live: false,
      told: undefined,
    })
  }

  unsubscribe(channel: string): void {
    this.#entries.delete(channel)
  }

  /** `channel=…&cursor=…` of a request for all of them. */
  query(): URLSearchParams {
    const query = queryOf(this.all)
    // Also when none of them has a log: a poll without a cursor does not wait.
    if (!query.has('cursor')) query.set('cursor', encodeCursor([]))
    return query
  }

  /**
   * Asks for one channel alone, with a poll that does not wait, and tells what came of it: `subscribed`, or `error`
   * for the frame that asked. A channel that was live and is refused now is told `unsubscribed`, with the error. Rejects
   * when the connection is the trouble.
   */
  async join(entry: Entry, signal: AbortSignal): Promise<void> {
    const query = queryOf([entry])
    query.set('wait', '0')
    if (entry.position === undefined && entry.last !== undefined) query.set('last', `${entry.last}`)
    try {
      const answer = await this.#http.get(`/v1/poll?${query}`, signal)
      if (signal.aborted || this.#entries.get(entry.channel) !== entry) return
      if (entry.live) this.page(answer.body)
      else this.#joined(entry, pageOf(answer.body, answer.headers.get('Tidewire-Cursor')))
    } catch (error) {
      const ours = this.#entries.get(entry.channel) === entry
      if (signal.aborted || !ours) return
      if (!(error instanceof TidewireError) || !isAboutChannels(error)) throw error
      const { channel, live, ask } = entry
      this.#entries.delete(channel)
      const envelope = errorEnvelope(error, ask)
      if (live) this.#tell('unsubscribed', { channel, error: envelope.payload })
      else this.#emit(envelope)
    }
  }

  /** What a poll answered. */
  page(body: unknown): void {
    if (body === undefined) return
    const { cursor, publications, resets } = body as PollPage
    for (const reset of resets) this.reset(reset)
    for (const publication of publications) this.publication(publication)
    // Exact, where a page moved on by more than it tells.
    for (const [channel, position] of decodeCursor(cursor)) {
      const entry = this.#entries.get(channel)
      if (entry?.live) entry.position = position
    }
  }

  publication(envelope: Envelope): void {
    const { channel = '', offset } = envelope.metadata
    const entry = this.#entries.get(channel)
    // Not live: of the stream that ended when the channel was asked for anew. It comes again.
    if (!entry?.live) return
    if (offset !== undefined && entry.position !== undefined) {
      entry.position = { epoch: entry.position.epoch, offset }
    }
    this.#emit(envelope)
  }

  /** `subscribed`, as an event stream says it for each channel of its request. */
  subscribed(payload: JsonObject): void {
    const entry = this.#entries.get(payload['channel'] as string)
    if (entry === undefined) return
    const resumed = entry.position !== undefined
    entry.position = positionOf(payload)
    const lost = resumed && payload['recovered'] !== true
    if (lost) entry.told = entry.position
    if (!entry.live) {
      entry.live = true
      this.#tell('subscribed', payload, entry.ask)
    } else if (lost) this.#tell('reset', payload)
  }

  reset(payload: JsonObject): void {
    const entry = this.#entries.get(payload['channel'] as string)
    if (!entry?.live) return
    const position = positionOf(payload)
    const { told } = entry
    entry.told = undefined
    entry.position = position
    if (told !== undefined && told.epoch === position?.epoch && told.offset === position.offset)
      return
    this.#tell('reset', payload)
  }

  #joined(entry: Entry, { cursor, publications, resets }: PollPage): void {
    const { channel, position: since } = entry
    const now = decodeCursor(cursor).get(channel)
    const first = publications[0]?.metadata.offset
    const [reset] = resets
    entry.live = true
    entry.position = now
    const lost =
      reset ?? (since !== undefined && now === undefined ? { reason: 'expired' } : undefined)
    const recovered = since !== undefined && lost === undefined
    const start = recovered ? since.offset : first === undefined ? (now?.offset ?? 0) : first - 1
    this.#tell(
      'subscribed',
      {
        channel,
        ...(now === undefined ? {} : { epoch: now.epoch }),
        offset: start,
        recovered,
        ...(since === undefined || lost === undefined
          ? {}
          : { reason: lost['reason'] ?? 'expired' }),
      },
      entry.ask,
    )
    for (const publication of publications) this.#emit(publication)
  }

  #tell(type: string, payload: JsonObject, ask?: string): void {
    this.#emit({ type, payload, metadata: ask === undefined ? {} : { correlation_id: ask } })
  }
}

function queryOf(entries: readonly Entry[]): URLSearchParams {
  const query = new URLSearchParams()
  const positions: [string, Position][] = []
  for (const { channel, position } of entries) {
    query.append('channel', channel)
    if (position !== undefined) positions.push([channel, position])
  }
  if (positions.length > 0) query.set('cursor', encodeCursor(positions))
  return query
}

/** 204 has a cursor in its header and no body. */
function pageOf(body: unknown, cursor: string | null): PollPage {
  return (body ?? { cursor: cursor ?? '1', publications: [], resets: [] }) as PollPage
}

function positionOf({ epoch, offset }: JsonObject): Position | undefined {
  return typeof epoch === 'string' && typeof offset === 'number' ? { epoch, offset } : undefined
}
