import { useCallback, useInsertionEffect, useRef } from 'react'

/** Reads what the last render was given: a function that is new in every render is no reason to listen anew. */
export function useLatest<T>(value: T): () => T {
  const ref = useRef(value)
  useInsertionEffect(() => {
    ref.current = value
  })
  return useCallback(() => ref.current, [])
}
