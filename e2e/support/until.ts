/** Waits for a condition. Rejects with what `explain` says when it does not come true in time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  explain: () => string = () => 'The condition did not come true.',
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(explain())
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
