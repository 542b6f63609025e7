import type { TransportName } from '@tidewire/client'
import type { HistoryEvent } from '../../history/events.ts'

/** What the program is started with. */
export interface Orders {
  name: string
  url: string
  token: string
  channels: readonly string[]
  transport: TransportName
  seed: number
  ratePerSecond: number
  bodyBytes: number
}

/** To the program: its orders, then to publish nothing more, then to end. */
export type ToSleeper = { start: Orders } | 'stop-publishing' | 'end'

/** From the program. */
export type FromSleeper =
  | { events: HistoryEvent[]; undocumented: string[] }
  /** After `stop-publishing`: all that was sent is answered, or was given up. */
  | 'published'
