export const MAX_ATTEMPTS = 5
const FIRST_MS = 1000
const FACTOR = 5
const MAX_MS = 15 * 60_000
/** Of what a provider asks for. */
const MAX_ASKED_MS = 6 * 3_600_000

/** The wait after so many failed attempts, somewhere in the upper half of 1 s, 5 s, 25 s and so on. `random`: [0, 1) */
export function backOffMs(attempts: number, random: number, firstMs = FIRST_MS): number {
  const whole = Math.min(MAX_MS, firstMs * FACTOR ** (attempts - 1))
  return Math.round(whole * (0.5 + random / 2))
}

/** The header `Retry-After` (RFC 9110, §10.2.3), seconds or a date, as milliseconds from `now` on. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(ms) ? undefined : Math.min(MAX_ASKED_MS, Math.max(0, ms))
}
