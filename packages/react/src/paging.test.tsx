// @vitest-environment happy-dom
import { TidewireError } from '@tidewire/client'
import { act, cleanup, renderHook, waitFor } from '@testing-library/react'
import type { ReactNode } from 'react'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Message, TidewireProvider, useMessages, type UseMessagesResult } from './index.ts'
import { type FakeChannel, FakeClient } from './testing/fake-client.ts'
import './testing/patience.ts'

const ROOM = 'chat:general'

let client: FakeClient
let room: FakeChannel
beforeEach(() => {
  client = new FakeClient()
  room = client.channel(ROOM)
})
afterEach(cleanup)

function wrapper({ children }: { children: ReactNode }) {
  return <TidewireProvider client={client.tidewire}>{children}</TidewireProvider>
}

const texts = (messages: readonly Message[]): unknown[] => messages.map((m) => m.payload['text'])
const noise = (count: number): void => {
  for (let index = 0; index < count; index += 1) room.append('', {}, 'typing')
}
type Result = { current: UseMessagesResult<{ text: string }> }
const use = (pageSize = 2): { result: Result } =>
  renderHook(() => useMessages<{ text: string }>(ROOM, { pageSize, type: 'message' }), { wrapper })
const shows = (result: Result, ...wanted: string[]): Promise<void> =>
  waitFor(() => expect(texts(result.current.messages)).toEqual(wanted))

describe('the messages of one type', () => {
  it('are found at first behind pages of other types', async () => {
    room.append('a')
    noise(7)
    const { result } = use()
    const seen: boolean[] = []
    await waitFor(() => {
      seen.push(result.current.loading || result.current.messages.length > 0)
      expect(texts(result.current.messages)).toEqual(['a'])
    })
    expect(seen).not.toContain(false)
  })

  it('are found further up behind pages of other types', async () => {
    room.append('a')
    noise(7)
    room.append('b')
    const { result } = use()
    await shows(result, 'b')
    await act(() => result.current.loadMore())
    expect(texts(result.current.messages)).toEqual(['a', 'b'])
    expect(result.current.hasMore).toBe(false)
  })

  it('are not looked for without an end', async () => {
    noise(100)
    const { result } = use()
    await waitFor(() => expect(result.current.loading).toBe(false))
    expect(room.pages).toHaveLength(11)
    expect(result.current).toMatchObject({ hasMore: true, messages: [] })
    await act(() => result.current.loadMore())
    expect(room.pages).toHaveLength(21)
  })
})

describe('scrolling back', () => {
  beforeEach(() => {
    for (const text of ['a', 'b', 'c']) room.append(text)
  })

  it('goes on by itself after a failure that passes', async () => {
    const { result } = use()
    await shows(result, 'b', 'c')
    room.historyFailures = [new TidewireError('unavailable', 'Later.', { retryAfterMs: 1 })]
    await act(() => result.current.loadMore())
    expect(texts(result.current.messages)).toEqual(['a', 'b', 'c'])
    expect(result.current.error).toBeUndefined()
  })

  it('tells of a failure that stays, and tries again when it is told to', async () => {
    const { result } = use()
    await shows(result, 'b', 'c')
    room.historyFailures = [new TidewireError('forbidden', 'No.')]
    await act(() => result.current.loadMore())
    expect(result.current).toMatchObject({ loadingMore: false, error: { reason: 'forbidden' } })
    await act(() => result.current.loadMore())
    expect(texts(result.current.messages)).toEqual(['a', 'b', 'c'])
    expect(result.current.error).toBeUndefined()
  })

  it('keeps what a reader looks at while more arrives than is kept, and then shows the newest', async () => {
    const { result } = use()
    await shows(result, 'b', 'c')
    act(() => result.current.pin(true))
    act(() => {
      for (let count = 0; count < 20_000; count += 1) room.deliver('new')
    })
    await waitFor(() => expect(result.current.messages).toHaveLength(20_000))
    expect(texts(result.current.messages.slice(0, 2))).toEqual(['b', 'c'])
    act(() => result.current.pin(false))
    await waitFor(() => expect(result.current.messages.at(-1)?.offset).toBe(20_003))
  })

  it('takes the page size of the first component', async () => {
    const { result } = renderHook(
      () => [useMessages(ROOM, { pageSize: 1 }), useMessages(ROOM, { pageSize: 3 })] as const,
      { wrapper },
    )
    await waitFor(() => expect(texts(result.current[1].messages)).toEqual(['c']))
    await act(() => result.current[1].loadMore())
    expect(texts(result.current[1].messages)).toEqual(['b', 'c'])
  })
})
