import type { Tally } from '../tally.ts'

/** What an attacker is told. */
export interface Orders {
  attack: string
  port: number
  /** Its own address, so that what is limited by address is told apart from others; any when absent. */
  from: string | undefined
  /** Of a user of its own. */
  token: string
  /** How long it goes on, where it does not end by itself. */
  seconds: number
  /** Of whatever the attack does. */
  perSecond: number
  /** Of sockets, for attacks that do so many and no more. */
  count: number
}

/** Runs in a process of its own. Resolves when it is over, all sockets closed. */
export type Attack = (orders: Orders, tally: Tally) => Promise<void>

const TICK_MS = 10

/** Calls `act` so many times a second, as far as the process keeps up, until it says `stop` or the time is over. */
export function pace(
  { perSecond, seconds }: Pick<Orders, 'perSecond' | 'seconds'>,
  act: () => void | 'stop',
): Promise<void> {
  const began = performance.now()
  let done = 0
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const elapsed = Math.min((performance.now() - began) / 1000, seconds)
      let stop = elapsed >= seconds
      for (const due = elapsed * perSecond; done < due && !stop; done++) stop = act() === 'stop'
      if (!stop) return
      clearInterval(timer)
      resolve()
    }, TICK_MS)
  })
}
