/** A terminal, npm and a launcher may each pass on the same Ctrl-C: what comes this soon is that one again. */
const SAME_SIGNAL_MS = 500

/** Calls `stop` at the first SIGINT or SIGTERM; a later second one ends the process at once. */
export function onStop(stop: () => void): void {
  let first: number | undefined
  const handle = (): void => {
    const now = performance.now()
    if (first === undefined) {
      first = now
      stop()
    } else if (now - first > SAME_SIGNAL_MS) {
      process.exit(1)
    }
  }
  process.on('SIGINT', handle)
  process.on('SIGTERM', handle)
}
