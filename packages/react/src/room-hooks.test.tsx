// @vitest-environment happy-dom
import type { Envelope, JsonObject, Publication, Tidewire } from '@tidewire/client'
import { act, cleanup, render, renderHook, waitFor } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TidewireProvider, useReceipts, useRoom, useTyping, useUnread } from './index.ts'
import { type FakeChannel, FakeClient } from './testing/fake-client.ts'
import './testing/patience.ts'

/** A client whose server has rooms. */
class RoomClient extends FakeClient {
  readonly asked: [type: string, payload: JsonObject][] = []
  readonly #frames = new Set<(frame: Envelope) => void>()
  joined: JsonObject = { members: [{ user: 'ada', last_read: 0 }], last_read: 0, unread: 0 }
  unread: JsonObject = {}

  override on(event: string, fn: (value: never) => void): () => void {
    if (event !== 'frame') return super.on(event as 'state', fn as () => void)
    const listener = fn as (frame: Envelope) => void
    this.#frames.add(listener)
    return () => this.#frames.delete(listener)
  }

  async request(type: string, payload: JsonObject): Promise<JsonObject> {
    this.asked.push([type, payload])
    if (type === 'join_room') return this.joined
    return type === 'unread_get' ? { channels: this.unread } : {}
  }

  push(type: string, payload: JsonObject): void {
    for (const listener of this.#frames) listener({ type, payload, metadata: {} })
  }

  times(type: string): number {
    return this.asked.filter(([asked]) => asked === type).length
  }
}

let client: RoomClient
let channel: FakeChannel
beforeEach(() => {
  client = new RoomClient()
  channel = client.channel('chat:general')
})
afterEach(cleanup)

function wrapper({ children }: { children: ReactNode }) {
  return (
    <StrictMode>
      <TidewireProvider client={client as unknown as Tidewire}>{children}</TidewireProvider>
    </StrictMode>
  )
}

function say(content: string): void {
  const { metadata } = channel.append(content)
  const publication: Publication = { type: 'message', payload: { content }, metadata }
  channel.log[channel.log.length - 1] = publication
  channel.messages.emit(publication)
}

describe('useRoom', () => {
  it('joins once under StrictMode, and shows what is said', async () => {
    say('old')
    const { result } = renderHook(() => useRoom('general'), { wrapper })
    expect(result.current).toMatchObject({ status: 'joining', loading: true, messages: [] })
    await waitFor(() => expect(result.current.messages).toHaveLength(1))
    expect(result.current).toMatchObject({ status: 'joined', members: ['ada'], loading: false })
    expect(client.times('join_room')).toBe(1)
    act(() => say('new'))
    await waitFor(() => expect(result.current.messages).toHaveLength(2))
    expect(result.current.messages.map(({ content }) => content)).toEqual(['old', 'new'])
  })

  it('is being joined from its first render on, at every mount', async () => {
    const seen: string[] = []
    const read = (): void => {
      const { status, loading } = useRoom('general')
      seen.push(`${status}${loading ? ', loading' : ''}`)
    }
    const first = renderHook(read, { wrapper })
    await waitFor(() => expect(seen.at(-1)).toBe('joined'))
    first.unmount()
    await waitFor(() => expect(channel.unsubscribes).toBe(1))
    renderHook(read, { wrapper })
    await waitFor(() => expect(client.times('join_room')).toBe(2))
    await waitFor(() => expect(seen.at(-1)).toBe('joined'))
    expect(seen[0]).toBe('joining, loading')
    expect(seen.filter((status) => status.startsWith('left'))).toEqual([])
  })

  it('is one room for all components, closed after the last and not left', async () => {
    function Reader() {
      useRoom('general')
      useTyping('general')
      return null
    }
    const tree = (readers: number): ReactNode =>
      wrapper({ children: Array.from({ length: readers }, (_, key) => <Reader key={key} />) })
    const { rerender } = render(tree(2))
    await waitFor(() => expect(channel.subscribes).toHaveLength(1))
    rerender(tree(1))
    rerender(tree(0))
    await waitFor(() => expect(channel.unsubscribes).toBe(1))
    expect(client.times('join_room')).toBe(1)
    expect(client.times('leave_room')).toBe(0)
  })

  it('sends, with the message there at once', async () => {
    const { result } = renderHook(() => useRoom('general'), { wrapper })
    await waitFor(() => expect(result.current.status).toBe('joined'))
    act(() => void result.current.send('hi'))
    expect(result.current.messages).toMatchObject([{ content: 'hi', state: 'pending' }])
    act(() => channel.attempts[0]?.ack(1))
    await waitFor(() => expect(result.current.messages[0]?.state).toBe('sent'))
  })

  it('keeps its functions, and its value while nothing changes', async () => {
    const { result, rerender } = renderHook(() => useRoom('general'), { wrapper })
    await waitFor(() => expect(result.current.status).toBe('joined'))
    const before = result.current
    rerender()
    expect(result.current).toBe(before)
    act(() => say('new'))
    await waitFor(() => expect(result.current.messages).toHaveLength(1))
    expect(result.current.send).toBe(before.send)
  })

  it('does nothing without a name', async () => {
    const { result } = renderHook(() => useRoom(null), { wrapper })
    expect(result.current).toMatchObject({ status: 'left', messages: [], loading: false })
    expect(() => result.current.send('hi')).toThrow('the name is null')
    await expect(result.current.edit('m1', 'hi')).rejects.toThrow('the name is null')
    await result.current.loadMore()
    expect(client.asked).toEqual([])
  })

  it('renders on a server without joining', () => {
    function Page() {
      const { typing } = useTyping('general')
      return (
        <p>
          {useRoom('general').status} {typing.length} {useUnread().unread}{' '}
          {useReceipts('general').lastRead}
        </p>
      )
    }
    const html = renderToString(wrapper({ children: <Page /> }))
    expect(html.replaceAll('<!-- -->', '')).toBe('<p>left 0 0 0</p>')
    expect(client.asked).toEqual([])
  })
})

describe('useTyping', () => {
  it('tells who types, and the others that this user does', async () => {
    let renders = 0
    const { result } = renderHook(
      () => {
        renders += 1
        return { ...useTyping('general'), room: useRoom('general').status }
      },
      { wrapper },
    )
    await waitFor(() => expect(result.current.room).toBe('joined'))
    act(() => client.push('typing_start', { room: 'general', user: 'bob' }))
    expect(result.current.typing).toEqual(['bob'])
    const before = renders
    act(() => client.push('typing_start', { room: 'other', user: 'cyd' }))
    expect(renders).toBe(before)
    act(() => result.current.startTyping())
    act(() => result.current.startTyping())
    act(() => result.current.stopTyping())
    expect(client.times('typing_start')).toBe(1)
    expect(client.times('typing_stop')).toBe(1)
  })
})

describe('useReceipts', () => {
  it('tells who has read how far, and how far this user has', async () => {
    say('one')
    say('two')
    const { result } = renderHook(() => ({ ...useReceipts('general'), ...useRoom('general') }), {
      wrapper,
    })
    await waitFor(() => expect(result.current.messages).toHaveLength(2))
    act(() => client.push('read_receipt', { channel: 'chat:general', user: 'bob', offset: 1 }))
    expect(result.current.receipts).toMatchObject({ bob: 1 })
    expect(result.current.unread).toBe(2)
    act(() => result.current.markRead())
    expect(result.current).toMatchObject({ lastRead: 2, unread: 0 })
    expect(client.times('mark_read')).toBe(1)
  })
})

describe('useUnread', () => {
  it('counts over all rooms, for all components once', async () => {
    client.unread = { 'chat:general': { unread: 2, mentions: 1, last_read: 0, offset: 0 } }
    const { result } = renderHook(() => [useUnread(), useUnread()], { wrapper })
    await waitFor(() => expect(result.current[0]?.unread).toBe(2))
    expect(result.current[0]?.channels).toBe(result.current[1]?.channels)
    expect(client.times('unread_get')).toBe(1)
    act(() => say('three'))
    expect(result.current[0]).toMatchObject({ unread: 3, mentions: 1 })
  })
})
