/**
 * Calls `fn` when the machine comes online and when the page becomes visible: moments in which waiting for the next
 * attempt makes no sense. Where there is no page, nothing happens. Returns what ends it.
 */
export function onWake(fn: () => void): () => void {
  if (typeof globalThis.addEventListener !== 'function') return () => undefined
  const page = typeof document === 'undefined' ? undefined : document
  const seen = (): void => {
    if (page?.visibilityState === 'visible') fn()
  }
  globalThis.addEventListener('online', fn)
  page?.addEventListener('visibilitychange', seen)
  return () => {
    globalThis.removeEventListener('online', fn)
    page?.removeEventListener('visibilitychange', seen)
  }
}
