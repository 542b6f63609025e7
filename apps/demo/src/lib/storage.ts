/** How long something is remembered: by this browser, or while this tab is open. */
export type Memory = 'browser' | 'tab'

/** What is remembered. Where storage is blocked that is nothing, and nothing is said about it. */
export function recall<T>(
  key: string,
  isValid: (value: unknown) => value is T,
  memory: Memory = 'browser',
): T | undefined {
  try {
    const value: unknown = JSON.parse(storageOf(memory).getItem(PREFIX + key) ?? 'null')
    return isValid(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** `undefined` forgets. */
export function remember(key: string, value: unknown, memory: Memory = 'browser'): void {
  try {
    if (value === undefined) storageOf(memory).removeItem(PREFIX + key)
    else storageOf(memory).setItem(PREFIX + key, JSON.stringify(value))
  } catch {
    // Storage is full or blocked: the page works without it.
  }
}

const storageOf = (memory: Memory): Storage =>
  memory === 'browser' ? localStorage : sessionStorage

export const isString = (value: unknown): value is string => typeof value === 'string'

const PREFIX = 'tidewire.'
