/**
 * Resolves when `condition` holds; fails the test when it does not within 15 s. It turns with the event loop and not with
 * timers, so that it also waits where a test moves time itself.
 */
export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  const end = performance.now() + 15_000
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Waited 15 s in vain for ${what}.`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
