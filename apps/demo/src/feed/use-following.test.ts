// @vitest-environment happy-dom
import type { UseFeedResult } from '@tidewire/react'
import { act, cleanup, renderHook } from '@testing-library/react'
import { afterEach, expect, it } from 'vitest'
import { useFollowing } from './use-following.ts'

afterEach(cleanup)

interface Asked {
  feed: (loading: boolean) => UseFeedResult
  /** The lists that were asked for. */
  lists: { resolve: (page: { users: string[] }) => void }[]
  /** What the viewer did. */
  deeds: { resolve: () => void; reject: (error: Error) => void }[]
}

/** A feed whose answers the test gives. */
function asked(): Asked {
  const lists: Asked['lists'] = []
  const deeds: Asked['deeds'] = []
  const list = () => new Promise<{ users: string[] }>((resolve) => lists.push({ resolve }))
  const act = () => new Promise<void>((resolve, reject) => deeds.push({ resolve, reject }))
  const feed = (loading: boolean) =>
    ({ loading, list, follow: act, unfollow: act }) as unknown as UseFeedResult
  return { feed, lists, deeds }
}

function follower({ feed }: Asked, loading: boolean) {
  const { result, rerender } = renderHook(({ loading }) => useFollowing(feed(loading)), {
    initialProps: { loading },
  })
  return {
    result,
    users: () => [...result.current.users].sort(),
    /** The feed is fetched, and with it the list. */
    fetched: () => {
      rerender({ loading: true })
      rerender({ loading: false })
    },
  }
}

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

it('keeps a follow that is on its way when the list is asked for', async () => {
  const server = asked()
  const { result, users, fetched } = follower(server, true)
  act(() => result.current.toggle('ada'))
  fetched()
  await act(async () => server.lists[0]!.resolve({ users: ['bob'] }))
  expect(users()).toEqual(['ada', 'bob'])
  await act(async () => server.deeds[0]!.resolve())
  expect(users()).toEqual(['ada', 'bob'])
})

it('believes a list that was asked for after the follow was done, and no earlier one', async () => {
  const server = asked()
  const { result, users, fetched } = follower(server, false)
  act(() => result.current.toggle('ada'))
  await act(async () => server.deeds[0]!.resolve())
  await act(async () => server.lists[0]!.resolve({ users: [] }))
  expect(users()).toEqual(['ada'])
  // Elsewhere the viewer has ended it since.
  fetched()
  await act(async () => server.lists[1]!.resolve({ users: ['bob'] }))
  expect(users()).toEqual(['bob'])
})

it('takes back what was refused, to what the list tells', async () => {
  const server = asked()
  const { result, users } = follower(server, false)
  act(() => result.current.toggle('ada'))
  act(() => result.current.toggle('bob'))
  await act(async () => server.lists[0]!.resolve({ users: ['ada'] }))
  await act(async () => {
    for (const deed of server.deeds) deed.reject(new Error('Try again later.'))
  })
  expect(users()).toEqual(['ada'])
  expect(result.current.problem).toBe('Try again later.')
})

it('takes back the last thing alone when that was refused', async () => {
  const server = asked()
  const { result, users } = follower(server, false)
  await act(async () => server.lists[0]!.resolve({ users: [] }))
  act(() => result.current.toggle('ada'))
  act(() => result.current.toggle('ada'))
  expect(users()).toEqual([])
  await act(async () => server.deeds[0]!.resolve())
  await act(async () => server.deeds[1]!.reject(new Error('Try again later.')))
  expect(users()).toEqual(['ada'])
})
