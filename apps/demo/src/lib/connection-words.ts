import { type ConnectionState, type TidewireError, UnauthorizedError } from '@tidewire/react'

/** What the tide line shows: `moving` is on its way, `waiting` counts down, `failed` needs the reader. */
export type Tone = 'live' | 'moving' | 'waiting' | 'failed'

export interface ConnectionWords {
  tone: Tone
  /** One or two words, for the head of the room. */
  label: string
  /** What is going on and what it means for the reader; undefined while there is nothing to say. */
  sentence: string | undefined
  /** The same without numbers that run, for screen readers. */
  spoken: string | undefined
  action: string | undefined
}

const WAIT = 'Messages you send will wait.'

/** A wait that is shorter is over before it is read. */
const MIN_COUNT_S = 3

/**
 * The truth about the connection, in plain words. `isJoining`: the room that is open is not live yet. `now` in milliseconds
 * since 1970.
 */
export function connectionWords(
  state: ConnectionState,
  isJoining: boolean,
  now: number,
): ConnectionWords {
  if (state.name === 'connected') {
    return isJoining ? words('moving', 'Catching up', 'Catching up.') : LIVE
  }
  if (state.name === 'connecting') return words('moving', 'Connecting', `Connecting. ${WAIT}`)
  if (state.name === 'reconnecting') return reconnecting(state, now)
  if (state.name === 'failed') {
    return words('failed', 'Disconnected', causeOf(state.error), 'Try again')
  }
  return words('failed', 'Disconnected', `You are disconnected. ${WAIT}`, 'Connect')
}

/** What carries the connection where WebSocket does not, in a word. */
export function carrierOf(state: ConnectionState): string | undefined {
  if (state.name !== 'connected' || state.transport === 'websocket') return undefined
  return state.transport === 'sse' ? 'over SSE' : 'over polling'
}

function reconnecting(
  { retryAt, reason }: Extract<ConnectionState, { name: 'reconnecting' }>,
  now: number,
): ConnectionWords {
  const why = REASONS[reason] ?? ''
  const seconds = Math.ceil((retryAt - now) / 1000)
  const spoken = `${why}Reconnecting. ${WAIT}`
  if (seconds < MIN_COUNT_S) {
    return words('moving', 'Reconnecting', spoken, seconds > 0 ? 'Retry now' : undefined)
  }
  const sentence = `${why}Reconnecting in ${seconds} s. ${WAIT}`
  return { ...words('waiting', 'Reconnecting', sentence, 'Retry now'), spoken }
}

/** What stopped the client: in the words of the page where it was the page that gave up. */
function causeOf({ message, cause }: TidewireError): string {
  return cause instanceof UnauthorizedError ? cause.message : message
}

const REASONS: Partial<Record<string, string>> = {
  server_shutdown: 'The server is restarting. ',
  token_unavailable: 'The server does not answer. ',
  heartbeat_timeout: 'The server fell silent. ',
  too_many_connections: 'The server is full. ',
  rate_limited: 'The server asks to slow down. ',
}

function words(tone: Tone, label: string, sentence: string, action?: string): ConnectionWords {
  return { tone, label, sentence, spoken: sentence, action }
}

const LIVE: ConnectionWords = {
  tone: 'live',
  label: 'Live',
  sentence: undefined,
  spoken: undefined,
  action: undefined,
}
