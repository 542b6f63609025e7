import { expect } from 'vitest'

/** PROTOCOL.md §7, written down a second time: the implementation is held to the page and not to itself. */
const CODES: Record<number, [reason: string, temporary: boolean]> = {
  4000: ['unknown_error', true],
  4001: ['authentication_required', false],
  4002: ['authentication_failed', false],
  4003: ['origin_not_allowed', false],
  4004: ['rate_limited', true],
  4005: ['message_too_large', false],
  4006: ['session_expired', false],
  4007: ['too_many_connections', true],
  4008: ['slow_consumer', true],
  4009: ['bad_envelope', false],
  4010: ['unknown_type', false],
  4011: ['forbidden', false],
  4012: ['not_found', false],
  4013: ['conflict', false],
  4014: ['unavailable', true],
  4015: ['storage_full', true],
}

/** The whole payload of an error, or body of an HTTP error: these fields and no others. */
export function errorBody(code: number, told: object): object {
  const [reason, temporary] = CODES[code] ?? ['?', false]
  const hasDelay = 'retry_after_ms' in told
  return {
    code,
    reason,
    // What has no end to wait for is not mended by waiting: a connection's channels are as many as it makes them.
    temporary: temporary && (reason !== 'rate_limited' || hasDelay),
    // What to do, in words.
    message: expect.stringMatching(/^[`A-Z].* .*/s) as string,
    ...(hasDelay ? { retry_after_ms: expect.any(Number) as number } : {}),
  }
}

export const TEXT = expect.any(String) as string
export const NUMBER = expect.any(Number) as number
export const ISO_TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string
export const UUIDV7 = expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab]/) as string

/** An envelope that a client sends. */
export interface Sent {
  type: string
  payload?: unknown
  metadata?: unknown
}

/** What is expected of something heard: the fields that are here. */
export type Match = object

/**
 * One step of a conversation. `$name` in any text stands for a value of the run: `$chat`, `$live`, `$signal` channels
 * of their own, `$ada`, `$bob` tokens, `$epoch` the epoch that was told last.
 */
export type Step =
  /** Sends an envelope, any text, or frames. */
  | { up: Sent | string | Buffer }
  /** The next thing that is heard. */
  | { down: Match }
  /** The next things that are heard, in any order: the protocol promises none between an answer and a delivery. */
  | { downs: readonly Match[] }
  /** Comes within so many things that are heard. */
  | { eventually: Match; within: number }

export function up(type: string, payload: object = {}, metadata: object = {}): Step {
  return { up: { type, payload, metadata } }
}

export function down(type: string, payload: object = {}, metadata: object = {}): Step {
  return { down: { type, payload, metadata } }
}

/** An `error` frame. That it is whole is looked at wherever one comes. */
export function refused(code: number, correlationId?: string): Step {
  const metadata = correlationId === undefined ? {} : { correlation_id: correlationId }
  return { down: { type: 'error', payload: { code }, metadata } }
}

export function closed(code: number): Step {
  return { down: { closed: code } }
}

/** What a channel that holds something holds at `offset`: the body of its publish over HTTP. */
export function held(offset: number) {
  return {
    type: 'message',
    payload: { n: offset, text: 'two\nlines\r\n: and a colon' },
    message_id: `held-${offset}`,
  }
}
