import { close as closeFrame, frame, type FrameOptions, text } from '../wire.ts'

/** What a mirror does on one connection, one act after the other; then it falls silent. */
export type Act =
  /** Answers the handshake with a status other than 101. */
  | { refuses: number; body?: object }
  /** Answers it with 101 and these headers, over those of a good answer; `undefined` leaves one out. */
  | { upgrades: Readonly<Record<string, string | undefined>> }
  | { sends: Buffer | string }
  /** `$id` in the metadata is the `message_id` that the client sent last. */
  | { tells: string; payload: object; metadata?: object }
  /** Waits for a frame of this type. */
  | { awaits: string }
  /** Is a good server from here on, beginning with what it still owes. */
  | { serves: true }
  | { falls: 'ends' | 'resets' }

/**
 * What a server does wrong, and what a client must make of it. The app subscribes to `chat:a` from offset 0; the log
 * holds 1 … 3, and 4 comes when the app has the others. After `calls` each further connection is served well.
 */
export interface ClientVector {
  id: string
  what: string
  /** One script a connection. */
  calls: readonly (readonly Act[])[]
  /** Reasons for which the client went to `reconnecting`. Default: none, the connection is kept. */
  lost?: readonly string[]
  /** What the app is handed. Default: each offset once, in order. */
  delivered?: readonly number[]
  /** What it is told of holes. Default: nothing. */
  resets?: readonly { epoch: string; offset: number; reason: string }[]
  /** Reasons of errors that answer no call of the app. Default: none. */
  errors?: readonly string[]
}

export const GREETING = {
  client_id: 'c1',
  session: 'c1',
  authenticated: true,
  user: 'ada',
  heartbeat_ms: 25_000,
  limits: {},
}

export const unmasked = { mask: false } as const
export const bare = (
  opcode: number,
  payload: string | Buffer = '',
  options: FrameOptions = {},
): Act => ({
  sends: frame(opcode, payload, { ...unmasked, ...options }),
})
export const raw = (value: string): Act => ({ sends: text(value, unmasked) })
export const message = (n: number, metadata: object = {}): Act => ({
  tells: 'message',
  payload: { n },
  metadata: { channel: 'chat:a', offset: n, message_id: `m${n}`, ...metadata },
})
export const GREETS: Act = { tells: 'connection_established', payload: GREETING }
export const subscribed = (payload: object = {}): Act => ({
  tells: 'subscribed',
  payload: { channel: 'chat:a', epoch: 'e1', offset: 0, recovered: true, ...payload },
  metadata: { correlation_id: '$id' },
})
export const serves: Act = { serves: true }
export const asked: Act = { awaits: 'subscribe' }

/** A connection on which all is well until the app has offset 1. */
export const STREAMS: readonly Act[] = [{ upgrades: {} }, GREETS, asked, subscribed(), message(1)]
export const after = (...acts: Act[]): Act[][] => [[...STREAMS, ...acts]]

export const closing = (code?: number): Act => ({ sends: closeFrame(code, '', unmasked) })

export const NETWORK = { lost: ['network'] } as const
