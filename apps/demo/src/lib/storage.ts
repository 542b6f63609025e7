/** What this browser remembers. Where storage is blocked it remembers nothing, and says nothing. */
export function recall<T>(key: string, isValid: (value: unknown) => value is T): T | undefined {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(PREFIX + key) ?? 'null')
    return isValid(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** `undefined` forgets. */
export function remember(key: string, value: unknown): void {
  try {
    if (value === undefined) localStorage.removeItem(PREFIX + key)
    else localStorage.setItem(PREFIX + key, JSON.stringify(value))
  } catch {
    // Storage is full or blocked: the page works without it.
  }
}

export const isString = (value: unknown): value is string => typeof value === 'string'

const PREFIX = 'tidewire.'
