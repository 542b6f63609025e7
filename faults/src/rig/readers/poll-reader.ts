import { decodeCursor, type Position, type Publication } from '@tidewire/protocol'
import type { Marker } from '../tape.ts'
import { RawReader } from './reader.ts'
import { refusalOf } from './refusal.ts'

interface Page {
  cursor: string
  publications: Publication[]
  resets: ({ channel: string } & Marker)[]
}

const WAIT_MS = 1000

/** `GET /v1/poll`, one request after the other. Each is a stream of its own that goes on from the cursor. */
export class PollReader extends RawReader {
  #cursor: string | undefined

  protected async connection(signal: AbortSignal): Promise<void> {
    const { url, token, answers } = this.options
    const query = new URLSearchParams([...this.tapes.keys()].map((name) => ['channel', name]))
    query.set('wait', String(WAIT_MS))
    if (this.#cursor !== undefined) query.set('cursor', this.#cursor)
    const since = this.#cursor === undefined ? undefined : decodeCursor(this.#cursor)
    for (const [channel, tape] of this.tapes) tape.asks(since?.get(channel))
    const response = await fetch(`${url}/v1/poll?${query}`, {
      signal,
      headers: { authorization: `Bearer ${token}` },
    })
    if (response.status !== 200 && response.status !== 204) {
      throw await refusalOf('poll', response, answers)
    }
    const page = response.status === 200 ? ((await response.json()) as Page) : undefined
    if (signal.aborted) return
    const cursor = page?.cursor ?? response.headers.get('tidewire-cursor')
    if (cursor === null) throw new Error('The poll has no cursor.')
    this.#cursor = cursor
    this.#take(since, decodeCursor(cursor), page)
  }

  /** The page says no markers but resets: a stream without one went on from where it was asked to. */
  #take(
    since: ReadonlyMap<string, Position> | undefined,
    now: ReadonlyMap<string, Position>,
    page: Page | undefined,
  ): void {
    const reset = new Map(page?.resets.map((marker) => [marker.channel, marker]))
    for (const [channel, tape] of this.tapes) {
      const marker = reset.get(channel)
      const from = since?.get(channel)
      const at = now.get(channel) ?? { epoch: '?', offset: 0 }
      if (marker !== undefined) tape.reset(marker)
      else if (from !== undefined) tape.subscribed({ ...from, recovered: true })
      else tape.subscribed({ ...at, recovered: false })
    }
    for (const publication of page?.publications ?? []) {
      const { channel } = publication.metadata
      this.tapes.get(channel)?.received(publication, now.get(channel)?.epoch)
    }
  }
}
