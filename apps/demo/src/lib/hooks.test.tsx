// @vitest-environment happy-dom
import { act, cleanup, renderHook } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useNow } from './hooks.ts'

describe('the time of a component', () => {
  beforeEach(() => vi.useFakeTimers({ now: 1000 }))
  afterEach(() => {
    cleanup()
    vi.useRealTimers()
  })

  it('runs only while it is wanted', () => {
    let renders = 0
    const { result, rerender } = renderHook(
      ({ ticking }) => {
        renders += 1
        return useNow(250, ticking)
      },
      { initialProps: { ticking: false } },
    )
    act(() => void vi.advanceTimersByTime(10_000))
    expect(renders).toBe(1)
    rerender({ ticking: true })
    act(() => void vi.advanceTimersByTime(500))
    expect(result.current).toBe(11_500)
  })
})
