// @vitest-environment happy-dom
import type { UseFeedResult } from '@tidewire/react'
import { act, cleanup, renderHook } from '@testing-library/react'
import { afterEach, expect, it } from 'vitest'
import { useFollowing } from './use-following.ts'

afterEach(cleanup)

it('keeps what the viewer did while the list was on its way', async () => {
  let tell!: (page: { users: string[] }) => void
  const list = new Promise((resolve) => (tell = resolve))
  const feed = {
    loading: false,
    list: () => list,
    follow: async () => undefined,
    unfollow: async () => undefined,
  } as unknown as UseFeedResult
  const { result } = renderHook(() => useFollowing(feed))
  act(() => result.current.toggle('ada'))
  expect([...result.current.users]).toEqual(['ada'])
  await act(async () => tell({ users: ['bob'] }))
  expect([...result.current.users].sort()).toEqual(['ada', 'bob'])
  act(() => result.current.toggle('bob'))
  expect([...result.current.users]).toEqual(['ada'])
})
