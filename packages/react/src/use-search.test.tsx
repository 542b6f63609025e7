// @vitest-environment happy-dom
import type { Tidewire } from '@tidewire/client'
import { act, cleanup, renderHook, waitFor } from '@testing-library/react'
import type { ReactNode } from 'react'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TidewireProvider } from './index.ts'
import { HttpClient } from './testing/http-client.ts'
import { useSearch } from './use-search.ts'
import './testing/patience.ts'

let client: HttpClient
beforeEach(() => {
  client = new HttpClient()
})
afterEach(cleanup)

function wrapper({ children }: { children: ReactNode }) {
  return <TidewireProvider client={client as unknown as Tidewire}>{children}</TidewireProvider>
}

function search(names: string[], query: string) {
  return renderHook(({ names: rooms, query: words }) => useSearch(rooms, words), {
    wrapper,
    initialProps: { names, query },
  })
}

const found = (offset: number, day = offset) => ({
  message_id: `m${offset}`,
  offset,
  user: 'ada',
  content: `text ${offset}`,
  timestamp: new Date(day * 86_400_000).toISOString(),
})

async function asked(count: number): Promise<void> {
  await waitFor(() => expect(client.asked).toHaveLength(count))
}

describe('a search', () => {
  it('finds over rooms and direct talks, the newest first', async () => {
    const { result } = search(['a', 'dm:ada,bob'], 'tide')
    expect(result.current).toMatchObject({ messages: [], answered: undefined, loading: true })
    await asked(2)
    expect(client.asked).toEqual([
      'GET /v1/rooms/a/search?q=tide&limit=20',
      'GET /v1/channels/dm%3Aada%2Cbob/search?q=tide&limit=20',
    ])
    await act(async () => {
      client.answer(200, { messages: [found(9, 1)], more: false })
      client.answer(200, { messages: [found(2, 3)], more: false })
    })
    await waitFor(() => expect(result.current.loading).toBe(false))
    expect(result.current.messages.map(({ name, id }) => [name, id])).toEqual([
      ['dm:ada,bob', 'm2'],
      ['a', 'm9'],
    ])
    expect(result.current).toMatchObject({ answered: 'tide', hasMore: false, error: undefined })
  })

  it('goes on where there is more', async () => {
    const { result } = search(['a', 'b'], 'tide')
    await asked(2)
    await act(async () => {
      client.answer(200, { messages: [found(9), found(5)], more: true })
      client.answer(200, { messages: [], more: false })
    })
    await waitFor(() => expect(result.current.hasMore).toBe(true))
    act(() => void result.current.loadMore())
    await asked(3)
    expect(client.asked[2]).toBe('GET /v1/rooms/a/search?q=tide&before=5&limit=20')
    await act(async () => client.answer(200, { messages: [found(1)], more: false }))
    await waitFor(() => expect(result.current.hasMore).toBe(false))
    expect(result.current.messages.map(({ id }) => id)).toEqual(['m9', 'm5', 'm1'])
  })

  it('shows what it found until the next is there, and nothing for no words', async () => {
    const { result, rerender } = search(['a'], 'tide')
    await asked(1)
    await act(async () => client.answer(200, { messages: [found(1)], more: false }))
    await waitFor(() => expect(result.current.messages).toHaveLength(1))
    rerender({ names: ['a'], query: 'wind' })
    expect(result.current).toMatchObject({ answered: 'tide', loading: true })
    rerender({ names: ['a'], query: ' !' })
    expect(result.current).toMatchObject({ messages: [], answered: undefined, loading: false })
  })

  it('says why it failed; of a room among others that may not be read it says nothing', async () => {
    const forbidden = { code: 4011, reason: 'forbidden', message: 'Not here.', temporary: false }
    const { result, rerender } = search(['a', 'b'], 'tide')
    await asked(2)
    await act(async () => {
      client.answer(403, forbidden)
      client.answer(200, { messages: [found(1)], more: false })
    })
    await waitFor(() => expect(result.current.messages).toHaveLength(1))
    expect(result.current.error).toBeUndefined()
    rerender({ names: ['a'], query: 'tide' })
    await asked(3)
    await act(async () => client.answer(403, forbidden))
    await waitFor(() => expect(result.current.error?.reason).toBe('forbidden'))
  })
})
