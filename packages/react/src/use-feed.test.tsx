// @vitest-environment happy-dom
import type { Tidewire } from '@tidewire/client'
import { act, cleanup, renderHook, waitFor } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TidewireProvider } from './index.ts'
import { type FakeChannel, FakeClient } from './testing/fake-client.ts'
import { useFeed } from './use-feed.ts'
import './testing/patience.ts'

/** A client whose server holds a feed. */
class FeedClient extends FakeClient {
  readonly asked: string[] = []
  entries: object[] = []
  readonly http = {
    url: 'http://server',
    tokens: { get: async () => 'a-token' },
    fetch: async (url: string, { method }: { method: string }): Promise<Response> => {
      this.asked.push(`${method} ${url}`)
      return Response.json({ user: 'ada', entries: this.entries, next: null })
    },
  }

  override on(event: string, fn: (value: never) => void): () => void {
    return event === 'frame' ? () => undefined : super.on(event as 'state', fn as () => void)
  }
}

const AT = '2026-11-20T12:00:00.000Z'
const entry = (seq: number, verb: string) => ({
  id: `a${seq}`,
  seq,
  at: AT,
  first_at: AT,
  verb,
  actors: ['bob'],
  others: 0,
})

let client: FeedClient
let mine: FakeChannel
beforeEach(() => {
  client = new FeedClient()
  mine = client.channel('feed:ada')
})
afterEach(cleanup)

function wrapper({ children }: { children: ReactNode }) {
  return (
    <StrictMode>
      <TidewireProvider client={client as unknown as Tidewire}>{children}</TidewireProvider>
    </StrictMode>
  )
}

describe('useFeed', () => {
  it('shows what there is and what comes, and subscribes once under StrictMode', async () => {
    client.entries = [entry(1, 'slept')]
    const { result } = renderHook(() => useFeed(), { wrapper })
    expect(result.current.loading).toBe(true)
    await waitFor(() => expect(result.current.entries).toHaveLength(1))
    expect(mine.subscribes).toHaveLength(1)
    const activity = { id: 'a2', seq: 2, at: AT, actor: 'cyd', verb: 'woke' }
    act(() => {
      mine.messages.emit({ ...mine.append('woke'), type: 'activity', payload: activity })
    })
    expect(result.current.entries.map(({ verb, actors }) => [verb, actors])).toEqual([
      ['woke', ['cyd']],
      ['slept', ['bob']],
    ])
  })

  it('follows and unfollows', async () => {
    const { result } = renderHook(() => useFeed(), { wrapper })
    await waitFor(() => expect(result.current.loading).toBe(false))
    await act(() => result.current.follow('bob'))
    await act(() => result.current.unfollow('bob'))
    expect(client.asked.slice(-2)).toEqual([
      'PUT http://server/v1/feeds/ada/following/bob',
      'DELETE http://server/v1/feeds/ada/following/bob',
    ])
  })

  it('is empty on a server', () => {
    function Count() {
      return <p>{useFeed().entries.length}</p>
    }
    const tree = (
      <TidewireProvider client={client as unknown as Tidewire}>
        <Count />
      </TidewireProvider>
    )
    expect(renderToString(tree)).toBe('<p>0</p>')
  })
})
