import type { Clock } from './ports/clock.ts'
import type { Timers } from './timers.ts'

const NOTICE_MS = 60_000
/** With the second that a timer may take longer, a step of the wall clock is noticed within a minute. */
const MAX_WAIT_MS = 59_000

export interface Expiring {
  /** Once, a minute before, or when less than that is left; never after the expiry. */
  onNotice: () => void
  onExpired: () => void
}

/**
 * Watches a moment of the wall clock, milliseconds since 1970, through its steps and through the sleep of the machine,
 * which timers do not count. Calls back at once when it is due already; the result ends the watch.
 */
export function watchExpiry(
  expiresAt: number,
  clock: Clock,
  timers: Timers,
  { onNotice, onExpired }: Expiring,
): () => void {
  let cancel: (() => void) | undefined
  let noticed = false
  const look = (): void => {
    const left = expiresAt - clock.now()
    if (left <= 0) return onExpired()
    const isNear = left <= NOTICE_MS
    const wait = isNear ? left : left - NOTICE_MS
    cancel = timers.after(Math.min(wait, MAX_WAIT_MS), look)
    if (!isNear || noticed) return
    noticed = true
    onNotice()
  }
  look()
  return () => cancel?.()
}
