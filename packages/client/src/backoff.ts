import type { BackoffOptions } from './types.ts'

export interface Backoff {
  minMs: number
  maxMs: number
  maxAttempts: number
}

export function backoffOf(options: BackoffOptions = {}): Backoff {
  const { minMs = 250, maxMs = 20_000, maxAttempts = Infinity } = options
  return { minMs, maxMs: Math.max(minMs, maxMs), maxAttempts }
}

/**
 * How long to wait before attempt number `attempt` (from 1), in milliseconds: full jitter, that is anything between
 * nothing and a bound that doubles up to `maxMs`. It spreads the clients of a restarted server best.
 */
export function backoffDelay(backoff: Backoff, attempt: number, random: number): number {
  const bound = Math.min(backoff.maxMs, backoff.minMs * 2 ** Math.min(attempt - 1, 30))
  return Math.floor(random * bound)
}

/** The longest wait that a server may ask for: a wrong number must not silence a client for days. */
export const MAX_TOLD_DELAY_MS = 5 * 60_000

/** Waits at least as long as the server asked, and spreads what follows. */
export function toldDelay(
  backoff: Backoff,
  attempt: number,
  random: number,
  toldMs: number | undefined,
): number {
  const own = backoffDelay(backoff, attempt, random)
  return toldMs === undefined ? own : Math.min(Math.max(0, toldMs), MAX_TOLD_DELAY_MS) + own
}
