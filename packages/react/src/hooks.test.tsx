// @vitest-environment happy-dom
import { TidewireError } from '@tidewire/client'
import { act, cleanup, render, renderHook, waitFor } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Message,
  TidewireProvider,
  useChannel,
  useConnection,
  useMessages,
  type UseMessagesResult,
} from './index.ts'
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
  return (
    <StrictMode>
      <TidewireProvider client={client.tidewire}>{children}</TidewireProvider>
    </StrictMode>
  )
}

const texts = (messages: readonly Message[]): unknown[] => messages.map((m) => m.payload['text'])

describe('useConnection', () => {
  it('follows the state and the number of waiting publications', () => {
    const { result } = renderHook(() => useConnection(), { wrapper })
    expect(result.current).toMatchObject({ state: { name: 'connected' }, waiting: 0 })
    act(() => {
      client.become({ name: 'reconnecting', attempt: 1, retryAt: 5, reason: 'network' })
      client.wait(2)
    })
    expect(result.current).toMatchObject({ state: { name: 'reconnecting' }, waiting: 2 })
  })

  it('tries again when it is told to', () => {
    const { result } = renderHook(() => useConnection(), { wrapper })
    result.current.connect()
    expect(client.connects).toBe(1)
  })

  it('says on a server that there is no connection, whatever the client does there', () => {
    function Status() {
      return <p>{useConnection().state.name}</p>
    }
    const tree = (
      <TidewireProvider client={client.tidewire}>
        <Status />
      </TidewireProvider>
    )
    expect(renderToString(tree)).toBe('<p>disconnected</p>')
  })

  it('explains what is missing outside of a provider', () => {
    expect(() => renderHook(() => useConnection())).toThrow('<TidewireProvider client={…}>')
  })
})

describe('useChannel', () => {
  it('subscribes once under StrictMode', () => {
    const { result } = renderHook(() => useChannel(ROOM, { last: 5 }), { wrapper })
    expect(result.current.state.name).toBe('subscribed')
    expect(room.subscribes).toEqual([{ last: 5 }])
  })

  it('shares one subscription between components and ends it after the last', async () => {
    function Reader() {
      useChannel(ROOM)
      return null
    }
    const tree = (readers: number): ReactNode =>
      wrapper({ children: Array.from({ length: readers }, (_, key) => <Reader key={key} />) })
    const { rerender } = render(tree(2))
    rerender(tree(1))
    rerender(tree(0))
    expect(room.subscribes).toHaveLength(1)
    await waitFor(() => expect(room.unsubscribes).toBe(1))
  })

  it('hands messages and resets to the listeners of the latest render', () => {
    const heard: unknown[] = []
    const { rerender } = renderHook(
      ({ tag }) =>
        useChannel(ROOM, {
          onMessage: ({ payload }) => heard.push([tag, payload['text']]),
          onReset: ({ reason }) => heard.push([tag, reason]),
        }),
      { wrapper, initialProps: { tag: 'old' } },
    )
    act(() => void room.deliver('one'))
    rerender({ tag: 'new' })
    act(() => void room.deliver('two'))
    act(() => room.resets.emit({ epoch: 'e1', offset: 9, reason: 'expired' }))
    expect(heard).toEqual([
      ['old', 'one'],
      ['new', 'two'],
      ['new', 'expired'],
    ])
  })

  it('tells why the server refused', () => {
    room.refusal = new TidewireError('forbidden', 'You may not read this channel.')
    const { result } = renderHook(() => useChannel(ROOM), { wrapper })
    expect(result.current.error?.reason).toBe('forbidden')
  })

  it('does nothing without a name', async () => {
    const { result } = renderHook(() => useChannel(null), { wrapper })
    expect(result.current.state).toEqual({ name: 'unsubscribed' })
    await expect(result.current.publish('message', {})).rejects.toThrow('the name is null')
  })
})

describe('useMessages', () => {
  type Result = { current: UseMessagesResult<{ text: string }> }
  const use = (name: string | null = ROOM, pageSize = 3): { result: Result; unmount: () => void } =>
    renderHook(() => useMessages<{ text: string }>(name, { pageSize, type: 'message' }), {
      wrapper,
    })
  const shows = (result: Result, ...expected: string[]): Promise<void> =>
    waitFor(() => expect(texts(result.current.messages)).toEqual(expected))

  it('shows the newest page and then what is delivered', async () => {
    for (const text of ['a', 'b', 'c', 'd']) room.append(text)
    const { result } = use()
    expect(result.current.loading).toBe(true)
    await shows(result, 'b', 'c', 'd')
    expect(result.current).toMatchObject({ loading: false, hasMore: true })
    act(() => void room.deliver('e'))
    await shows(result, 'b', 'c', 'd', 'e')
  })

  it('asks for history once under StrictMode', async () => {
    room.append('a')
    const { result } = use()
    await shows(result, 'a')
    expect(room.pages).toHaveLength(1)
  })

  it('loads older pages until there are none, one at a time', async () => {
    for (const text of ['a', 'b', 'c', 'd', 'e']) room.append(text)
    const { result } = use()
    await shows(result, 'c', 'd', 'e')
    await act(async () => {
      await Promise.all([result.current.loadMore(), result.current.loadMore()])
    })
    expect(texts(result.current.messages)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(result.current.hasMore).toBe(false)
    expect(room.pages).toHaveLength(2)
  })

  it('says when the beginning of the log has expired', async () => {
    for (const text of ['a', 'b', 'c']) room.append(text)
    room.oldest = 2
    const { result } = use()
    await shows(result, 'b', 'c')
    expect(result.current.expired).toBe(true)
  })

  it('replaces the list after a reset that left a hole', async () => {
    room.append('a')
    const { result } = use()
    await shows(result, 'a')
    for (const text of ['b', 'c', 'd', 'e', 'f']) room.append(text)
    act(() => room.resets.emit({ epoch: 'e1', offset: 6, reason: 'expired' }))
    await shows(result, 'd', 'e', 'f')
    expect(result.current.reset?.reason).toBe('expired')
  })

  it('shows an own message at once, then what became of it', async () => {
    const { result } = use()
    await waitFor(() => expect(result.current.loading).toBe(false))
    let id = ''
    act(() => void (id = result.current.send({ text: 'hi' })))
    expect(result.current.messages).toMatchObject([{ id, state: 'pending', user: 'ada' }])
    act(() => room.attempts[0]?.ack(1))
    await waitFor(() => expect(result.current.messages[0]?.state).toBe('sent'))
    act(() => void room.deliver('hi', { message_id: id, user: 'ada' }))
    await waitFor(() => expect(result.current.messages[0]?.offset).toBe(1))
    expect(result.current.messages).toHaveLength(1)
  })

  it('sends a failed message again under the same id', async () => {
    const { result } = use()
    act(() => void result.current.send({ text: 'hi' }))
    act(() => room.attempts[0]?.refuse(new TidewireError('rate_limited', 'Too fast.')))
    await waitFor(() => expect(result.current.messages[0]).toMatchObject({ state: 'failed' }))
    expect(result.current.messages[0]?.error?.reason).toBe('rate_limited')
    act(() => result.current.retry(result.current.messages[0]?.id ?? ''))
    expect(result.current.messages[0]?.state).toBe('pending')
    expect(room.attempts[1]?.messageId).toBe(room.attempts[0]?.messageId)
  })

  it('lets a failed message go', async () => {
    const { result } = use()
    act(() => void result.current.send({ text: 'hi' }))
    act(() => room.attempts[0]?.refuse(new TidewireError('forbidden', 'No.')))
    await waitFor(() => expect(result.current.messages[0]?.state).toBe('failed'))
    act(() => result.current.discard(result.current.messages[0]?.id ?? ''))
    expect(result.current.messages).toEqual([])
  })

  it('asks again when history fails for a while', async () => {
    room.append('a')
    room.historyFailures = [new TidewireError('unavailable', 'Later.', { retryAfterMs: 1 })]
    const { result } = use()
    await shows(result, 'a')
    expect(result.current.error).toBeUndefined()
  })

  it('forgets a page that was asked for before the connection was lost', async () => {
    let open = (): void => undefined
    room.gate = new Promise((resolve) => (open = resolve))
    room.append('a')
    const { result } = use()
    act(() => room.become({ name: 'subscribing' }))
    act(() => room.live())
    act(() => open())
    await shows(result, 'a')
    expect(room.pages.map(({ signal }) => signal?.aborted)).toEqual([true, false])
  })

  it('shows live messages of a channel without a log', async () => {
    room.epoch = undefined
    const { result } = use()
    await waitFor(() => expect(result.current.loading).toBe(false))
    act(() => void room.deliver('a'))
    act(() => void room.deliver('b'))
    await shows(result, 'a', 'b')
    expect(room.pages).toEqual([])
  })

  it('is not loading when the server refused', () => {
    room.refusal = new TidewireError('forbidden', 'You may not read this channel.')
    const { result } = use()
    expect(result.current).toMatchObject({ loading: false, error: { reason: 'forbidden' } })
  })

  it('keeps own messages that wait while nobody looks', async () => {
    const { result, rerender } = renderHook(({ name }) => useMessages(name), {
      wrapper,
      initialProps: { name: ROOM },
    })
    act(() => void result.current.send({ text: 'hi' }))
    rerender({ name: 'chat:other' })
    expect(result.current.messages).toEqual([])
    await waitFor(() => expect(room.unsubscribes).toBe(1))
    rerender({ name: ROOM })
    expect(texts(result.current.messages)).toEqual(['hi'])
  })

  it('is empty without a name', () => {
    const { result } = use(null)
    expect(result.current).toMatchObject({ messages: [], loading: false, hasMore: false })
    expect(() => result.current.send({ text: 'hi' })).toThrow('the name is null')
  })
})
