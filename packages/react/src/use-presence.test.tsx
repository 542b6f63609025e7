// @vitest-environment happy-dom
import { type Envelope, type JsonObject, type Tidewire, TidewireError } from '@tidewire/client'
import { act, cleanup, render, renderHook, waitFor } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TidewireProvider, usePresence, usePresenceList } from './index.ts'
import { FakeClient } from './testing/fake-client.ts'
import './testing/patience.ts'

const ROOM = 'chat:general'

/** A client whose server knows who is present. */
class PresentClient extends FakeClient {
  readonly asked: [string, JsonObject][] = []
  readonly members: JsonObject[] = []
  refusal: TidewireError | undefined
  readonly #frames = new Set<(frame: Envelope) => void>()

  override on(event: string, fn: (value: never) => void): () => void {
    if (event !== 'frame') return super.on(event as 'state', fn as () => void)
    const listener = fn as (frame: Envelope) => void
    this.#frames.add(listener)
    return () => this.#frames.delete(listener)
  }

  async request(type: string, payload: JsonObject): Promise<JsonObject> {
    this.asked.push([type, payload])
    if (this.refusal !== undefined) throw this.refusal
    const { members } = this
    return type === 'presence_get'
      ? { members: [...members], count: members.length, more: false }
      : {}
  }

  tell(action: string, user: string, data: JsonObject, count: number): void {
    const payload = { channel: ROOM, action, user, data, count }
    for (const listener of this.#frames) {
      listener({ type: 'presence_update', payload, metadata: {} })
    }
  }

  words(): string[] {
    return this.asked
      .filter(([type]) => type !== 'presence_get')
      .map(([type, { data }]) => `${type} ${JSON.stringify(data)}`)
  }
}

let client: PresentClient
beforeEach(() => void (client = new PresentClient()))
afterEach(cleanup)

function wrapper({ children }: { children: ReactNode }) {
  return (
    <StrictMode>
      <TidewireProvider client={client as unknown as Tidewire}>{children}</TidewireProvider>
    </StrictMode>
  )
}

describe('usePresence', () => {
  it('enters once under StrictMode, and leaves after the last component', async () => {
    function Person() {
      usePresence(ROOM, { mood: 'fine' })
      return null
    }
    const tree = (people: number): ReactNode =>
      wrapper({ children: Array.from({ length: people }, (_, key) => <Person key={key} />) })
    const { rerender } = render(tree(2))
    await waitFor(() => expect(client.words()).toEqual(['presence_enter {"mood":"fine"}']))
    rerender(tree(1))
    rerender(tree(0))
    await waitFor(() => expect(client.words().at(-1)).toBe('presence_leave undefined'))
    expect(client.words()).toHaveLength(2)
    await waitFor(() => expect(client.channel(ROOM).unsubscribes).toBe(1))
  })

  it('says other data when what is in them changes, and not when the object does', async () => {
    const { rerender, result } = renderHook(({ n }) => usePresence(ROOM, { n }), {
      wrapper,
      initialProps: { n: 1 },
    })
    rerender({ n: 1 })
    rerender({ n: 2 })
    await waitFor(() => expect(client.words().at(-1)).toBe('presence_enter {"n":2}'))
    act(() => result.current.update({ n: 3 }))
    await waitFor(() => expect(client.words().at(-1)).toBe('presence_enter {"n":3}'))
    expect(client.words().length).toBeLessThanOrEqual(3)
  })

  it('tells why it may not be present', async () => {
    client.refusal = new TidewireError('forbidden', 'You may not.')
    const { result } = renderHook(() => usePresence(ROOM), { wrapper })
    await waitFor(() => expect(result.current.error?.reason).toBe('forbidden'))
  })

  it('does nothing without a name', () => {
    const { result } = renderHook(() => usePresence(null, { n: 1 }), { wrapper })
    act(() => result.current.update({ n: 2 }))
    expect(client.asked).toEqual([])
  })
})

describe('usePresenceList', () => {
  it('knows who is there, and who comes, changes and goes, without being there', async () => {
    client.members.push({ user: 'ada', data: { n: 1 } })
    const { result } = renderHook(() => usePresenceList(ROOM), { wrapper })
    expect(result.current).toMatchObject({ members: [], loading: true })
    await waitFor(() => expect(result.current.loading).toBe(false))
    expect(result.current).toMatchObject({ members: [{ user: 'ada', data: { n: 1 } }], count: 1 })
    client.tell('enter', 'bob', {}, 2)
    client.tell('update', 'ada', { n: 2 }, 2)
    await waitFor(() => expect(result.current.count).toBe(2))
    expect(result.current.members).toEqual([
      { user: 'ada', data: { n: 2 } },
      { user: 'bob', data: {} },
    ])
    client.tell('leave', 'ada', { n: 2 }, 1)
    await waitFor(() => expect(result.current.members).toEqual([{ user: 'bob', data: {} }]))
    expect(client.words()).toEqual([])
  })

  it('is empty without a name, and on a server', () => {
    const { result } = renderHook(() => usePresenceList(null), { wrapper })
    expect(result.current).toMatchObject({ members: [], count: 0, loading: false })
    function Count() {
      usePresence(ROOM)
      return <p>{usePresenceList(ROOM).count}</p>
    }
    expect(renderToString(wrapper({ children: <Count /> }))).toBe('<p>0</p>')
  })
})
