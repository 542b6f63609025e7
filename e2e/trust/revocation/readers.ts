import { EventStream, http } from '../support/http.ts'
import { codeOf, type Frame, Peer } from '../support/peer.ts'

export interface ReaderOptions {
  url: string
  token: string
  channel: string
  /** Where to go on from: the `cursor` of another reader. */
  cursor?: string | undefined
}

/** Somebody who listens to one channel until it may not any more. */
export interface Reader {
  readonly name: string
  /** What it was delivered. */
  readonly publications: readonly Frame[]
  /** The code with which it was sent away. */
  readonly refusal: number | undefined
  /** Where it is, as a cursor. */
  readonly cursor: string | undefined
  end(): void
}

type Open = (options: ReaderOptions) => Promise<Reader>

/** One for each transport. They resolve when the stream is open, or refused. */
const READERS: readonly Open[] = [openWebSocket, openSse, openPoll]

export function openAll(options: ReaderOptions): Promise<Reader[]> {
  return Promise.all(READERS.map((open) => open(options)))
}

export async function openWebSocket(options: ReaderOptions): Promise<Reader> {
  const { url, token, channel, cursor } = options
  const peer = await Peer.open(url, { token })
  const answer = await peer.ask('subscribe', { channel, ...sinceOf(cursor) })
  const { epoch } = 'closed' in answer ? {} : answer.payload
  const publications = (): Frame[] => peer.frames.filter((frame) => isOf(frame, channel))
  return {
    name: 'WebSocket',
    get publications() {
      return publications()
    },
    get refusal() {
      const [left] = peer.of('unsubscribed')
      const error = left?.payload['error'] as { code: number } | undefined
      return codeOf(answer) ?? error?.code ?? peer.closed
    },
    get cursor() {
      const last = publications().at(-1)
      return last && `1~${channel}~${String(epoch)}~${String(last.metadata['offset'])}`
    },
    end: () => peer.end(),
  }
}

function sinceOf(cursor: string | undefined): object {
  if (cursor === undefined) return {}
  const [, , epoch, offset] = cursor.split('~')
  return { since: { epoch, offset: Number(offset) } }
}

function isOf({ metadata }: Frame, channel: string): boolean {
  return metadata['channel'] === channel
}

async function openSse({ url, token, channel, cursor }: ReaderOptions): Promise<Reader> {
  const stream = await EventStream.open(`${url}/v1/sse?channel=${channel}`, {
    token,
    ...(cursor === undefined ? {} : { headers: { 'last-event-id': cursor } }),
  })
  return {
    name: 'SSE',
    get publications() {
      return stream.events.map(({ data }) => data).filter((frame) => isOf(frame, channel))
    },
    get refusal() {
      if (stream.refusal !== undefined) return stream.refusal.code
      const [error] = stream.of('error')
      return stream.ended ? Number(error?.data.payload['code']) : undefined
    },
    get cursor() {
      return stream.cursor
    },
    end: () => stream.end(),
  }
}

async function openPoll({ url, token, channel, cursor }: ReaderOptions): Promise<Reader> {
  const publications: Frame[] = []
  const ending = new AbortController()
  let [at, refusal] = [cursor, undefined as number | undefined]
  /** False when there is no next one. */
  const poll = async (): Promise<boolean> => {
    const from = at === undefined ? '' : `&cursor=${encodeURIComponent(at)}`
    const address = `${url}/v1/poll?channel=${channel}&wait=5000${from}`
    const { status, code, body } = await http(address, { token, signal: ending.signal })
    refusal = code
    if (status === 200) {
      at = String(body['cursor'])
      publications.push(...(body['publications'] as Frame[]))
    }
    return code === undefined
  }
  const goOn = async (): Promise<void> => {
    while (await poll());
  }
  if (await poll()) {
    goOn().catch((error: unknown) => {
      if (!ending.signal.aborted) throw error
    })
  }
  return {
    name: 'poll',
    publications,
    get refusal() {
      return refusal
    },
    get cursor() {
      return at
    },
    end: () => ending.abort(),
  }
}

/** Milliseconds since 1970 at which the server accepted what the reader got last. */
export function lastAt({ publications }: Reader): number {
  return timeOf(publications.at(-1))
}

export function timeOf(publication: Frame | undefined): number {
  return publication === undefined ? 0 : Date.parse(String(publication.metadata['timestamp']))
}
