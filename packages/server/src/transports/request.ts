import {
  decodeCursor,
  type Envelope,
  namespaceOf,
  type Position,
  ProtocolError,
} from '@tidewire/protocol'

const MAX_LAST = 1000

/** What a reader over HTTP (SSE, poll) asks for. */
export interface StreamRequest {
  /** Each once, all of them valid names. */
  channels: readonly string[]
  /** The positions that the cursor names, of the channels above only. `undefined` without a cursor. */
  since: ReadonlyMap<string, Position> | undefined
  last: number | undefined
}

/** The path of a request target, not decoded. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark === -1 ? target : target.slice(0, mark)
}

/** Path and query of a request target. The path is not decoded. */
export function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const mark = target.indexOf('?')
  if (mark === -1) return { path: target, query: new URLSearchParams() }
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) }
}

/**
 * Reads `channel`, `cursor` and `last`. `lastEventId` is the header of that name and wins over `cursor`: it is what a
 * returning `EventSource` adds to an address that still carries the cursor it began with.
 * Throws `bad_envelope` with a sentence that names the parameter.
 */
export function streamRequest(query: URLSearchParams, lastEventId?: string): StreamRequest {
  const channels = [...new Set(query.getAll('channel'))]
  for (const channel of channels) namespaceOf(channel)
  const last = wholeNumber(query, 'last')
  if (last !== undefined && last > MAX_LAST) throw bad(`\`last\` is greater than ${MAX_LAST}.`)
  return { channels, since: since(query, lastEventId, channels), last }
}

/** A query parameter that is a whole number ≥ 0. Throws `bad_envelope`. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!/^\d{1,15}$/.test(text)) throw bad(`\`${name}\` is not a whole number.`)
  return Number(text)
}

/** The `subscribe` frames that ask a session for it, one for each channel. */
export function subscribeFrames({ channels, since, last }: StreamRequest): Envelope[] {
  return channels.map((channel) => {
    const position = since?.get(channel)
    const start =
      position !== undefined ? { since: { ...position } } : last !== undefined ? { last } : {}
    return { type: 'subscribe', payload: { channel, ...start }, metadata: {} }
  })
}

function since(
  query: URLSearchParams,
  lastEventId: string | undefined,
  channels: readonly string[],
): Map<string, Position> | undefined {
  // An empty Last-Event-ID is what a client sends that has not seen an id.
  const cursor = lastEventId !== undefined && lastEventId !== '' ? lastEventId : query.get('cursor')
  if (cursor === null) return undefined
  const positions = decodeCursor(cursor)
  const asked = new Set(channels)
  for (const channel of positions.keys()) if (!asked.has(channel)) positions.delete(channel)
  return positions
}

function bad(message: string): ProtocolError {
  return new ProtocolError('bad_envelope', message)
}
