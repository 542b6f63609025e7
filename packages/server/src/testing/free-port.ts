import { createServer } from 'node:net'

/**
 * `count` ports from `first` on. Below those that a system hands out by itself (from 32,768 on Linux), what is started on
 * one a moment later still finds it free; who has a range of its own is in nobody's way.
 */
export interface PortRange {
  first: number
  count: number
}

/** A port of the range that nothing listens on, and that nobody is given who does not ask for it. Rejects when there is none. */
export async function freePort({ first, count }: PortRange): Promise<number> {
  const start = Math.floor(Math.random() * count)
  for (let n = 0; n < count; n++) {
    const port = first + ((start + n) % count)
    if (await isFree(port)) return port
  }
  throw new Error(`No port from ${first} to ${first + count - 1} is free.`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
