// @vitest-environment happy-dom
import { act, cleanup, renderHook } from '@testing-library/react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Files } from './files.ts'
import { useDue } from './use-due.ts'

const files = (now: Pick<Files, 'isBusy' | 'areComing'>): Files => ({
  items: [],
  add: () => undefined,
  remove: () => undefined,
  retry: () => undefined,
  take: () => [],
  ...now,
})
const COMING = files({ isBusy: true, areComing: true })
const THERE = files({ isBusy: false, areComing: false })
const FAILED = files({ isBusy: true, areComing: false })

interface Props {
  now: Files
  isEditing?: boolean
}

describe('a message whose files are on their way', () => {
  afterEach(cleanup)

  function pressed() {
    const onSend = vi.fn<() => void>()
    const hook = renderHook(({ now, isEditing = false }: Props) => useDue(now, isEditing, onSend), {
      initialProps: { now: COMING } as Props,
    })
    act(() => hook.result.current.setDue())
    expect(hook.result.current.isDue).toBe(true)
    return { ...hook, onSend }
  }

  it('is sent once, when they are there', () => {
    const { onSend, rerender } = pressed()
    expect(onSend).not.toHaveBeenCalled()
    rerender({ now: THERE })
    rerender({ now: COMING })
    rerender({ now: THERE })
    expect(onSend).toHaveBeenCalledTimes(1)
  })

  it('is not sent when one of them failed, also not after another try', () => {
    const { onSend, result, rerender } = pressed()
    rerender({ now: FAILED })
    expect(result.current.isDue).toBe(false)
    rerender({ now: COMING })
    rerender({ now: THERE })
    expect(onSend).not.toHaveBeenCalled()
  })

  it('is not sent when its writer goes on', () => {
    const { onSend, result, rerender } = pressed()
    act(() => result.current.cancel())
    rerender({ now: THERE })
    expect(onSend).not.toHaveBeenCalled()
  })

  it('is not sent when its writer edits another message meanwhile', () => {
    const { onSend, result, rerender } = pressed()
    rerender({ now: COMING, isEditing: true })
    expect(result.current.isDue).toBe(false)
    rerender({ now: THERE, isEditing: true })
    rerender({ now: THERE })
    expect(onSend).not.toHaveBeenCalled()
  })
})
