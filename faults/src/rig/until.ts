/** Waits for a condition. Rejects with what `explain` says when it does not come true in time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  explain: () => string,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(explain())
    await pause(10)
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
}
