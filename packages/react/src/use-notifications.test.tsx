// @vitest-environment happy-dom
import { type JsonObject, type Tidewire, TidewireError } from '@tidewire/client'
import { act, cleanup, render, renderHook, screen, waitFor } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TidewireProvider } from './index.ts'
import { type FakeChannel, FakeClient } from './testing/fake-client.ts'
import { useNotifications } from './use-notifications.ts'
import './testing/patience.ts'

/** A client whose server holds an inbox. */
class InboxClient extends FakeClient {
  readonly asked: [string, JsonObject][] = []
  inbox: JsonObject[] = []
  refusal: TidewireError | undefined

  override on(event: string, fn: (value: never) => void): () => void {
    return event === 'frame' ? () => undefined : super.on(event as 'state', fn as () => void)
  }

  async request(type: string, payload: JsonObject): Promise<JsonObject> {
    this.asked.push([type, payload])
    if (type === 'notifications_list') {
      return { notifications: [...this.inbox], more: false, unread: this.inbox.length }
    }
    if (this.refusal !== undefined) throw this.refusal
    return { marked: 1, unread: 0 }
  }
}

let client: InboxClient
let mine: FakeChannel
beforeEach(() => {
  client = new InboxClient()
  mine = client.channel('user:ada')
})
afterEach(cleanup)

const entry = (title: string): JsonObject => ({
  id: title,
  kind: 'a',
  title,
  created_at: '2026-11-20T12:00:00.000Z',
  read: false,
})

function wrapper({ children }: { children: ReactNode }) {
  return (
    <StrictMode>
      <TidewireProvider client={client as unknown as Tidewire}>{children}</TidewireProvider>
    </StrictMode>
  )
}

function arrive(title: string, unread: number): void {
  const publication = mine.append(title)
  mine.messages.emit({
    ...publication,
    type: 'notification',
    payload: { ...entry(title), unread },
  })
}

describe('useNotifications', () => {
  it('shows the inbox and what arrives, with one subscription for all components under StrictMode', async () => {
    client.inbox = [entry('old')]
    function Bell() {
      return <b>{useNotifications().unread}</b>
    }
    function List() {
      return (
        <p>
          {useNotifications()
            .items.map(({ title }) => title)
            .join()}
        </p>
      )
    }
    const { container } = render(
      <>
        <Bell />
        <List />
      </>,
      { wrapper },
    )
    await waitFor(() => expect(container.textContent).toBe('1old'))
    expect(mine.subscribes).toHaveLength(1)
    act(() => arrive('new', 2))
    expect(container.textContent).toBe('2new,old')
    expect(screen.getByText('new,old')).toBeTruthy()
  })

  it('marks as read at once, and undoes what is refused', async () => {
    client.inbox = [entry('one')]
    const { result } = renderHook(() => useNotifications(), { wrapper })
    await waitFor(() => expect(result.current.loading).toBe(false))
    client.refusal = new TidewireError('unavailable', 'Not now.')
    let done: Promise<void> | undefined
    act(() => void (done = result.current.markRead('all')))
    expect(result.current).toMatchObject({ unread: 0, items: [{ read: true }] })
    await act(() => done!)
    await waitFor(() =>
      expect(result.current).toMatchObject({ unread: 1, items: [{ read: false }] }),
    )
    client.refusal = undefined
    await act(() => result.current.markRead(['one']))
    expect(result.current).toMatchObject({ unread: 0, items: [{ read: true }] })
    expect(client.asked.at(-1)).toEqual(['notifications_mark_read', { ids: ['one'] }])
  })

  it('ends its subscription some time after the last component', async () => {
    const { unmount } = renderHook(() => useNotifications(), { wrapper })
    unmount()
    expect(mine.unsubscribes).toBe(0)
    await waitFor(() => expect(mine.unsubscribes).toBe(1))
  })

  it('is empty on a server', () => {
    function Bell() {
      const { unread, loading } = useNotifications()
      return <p>{`${unread} ${String(loading)}`}</p>
    }
    const tree = (
      <TidewireProvider client={client as unknown as Tidewire}>
        <Bell />
      </TidewireProvider>
    )
    expect(renderToString(tree)).toBe('<p>0 true</p>')
  })
})
