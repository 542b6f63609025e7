import { createServer } from 'node:net'

// Below those that a system hands out by itself: what is started on it a moment later still finds it free.
const FIRST = 20_000
const COUNT = 10_000

/** A port that is free, and that nobody is given who does not ask for it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
