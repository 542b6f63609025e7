import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeClient } from './testing/fake-client.ts'
import { TideStores } from './tide-stores.ts'

const ROOM = 'chat:general'
const HOUR_MS = 3_600_000

describe('a store of messages', () => {
  const client = new FakeClient()
  let stores: TideStores

  beforeEach(() => {
    vi.useFakeTimers()
    stores = new TideStores(client.tidewire)
  })
  afterEach(() => vi.useRealTimers())

  it('is there for a reader that comes back soon', async () => {
    const store = stores.messages(ROOM)
    store.use(() => undefined, 50)()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(stores.messages(ROOM)).toBe(store)
    const release = store.use(() => undefined, 50)
    await vi.advanceTimersByTimeAsync(HOUR_MS)
    expect(stores.messages(ROOM)).toBe(store)
    release()
  })

  it('is let go some time after its last reader', async () => {
    const store = stores.messages(ROOM)
    store.use(() => undefined, 50)()
    await vi.advanceTimersByTimeAsync(HOUR_MS)
    expect(stores.messages(ROOM)).not.toBe(store)
  })

  it('stays while an own message waits', async () => {
    const store = stores.messages(ROOM)
    const release = store.use(() => undefined, 50)
    store.send('message', { text: 'hi' })
    release()
    await vi.advanceTimersByTimeAsync(HOUR_MS)
    expect(stores.messages(ROOM)).toBe(store)
    client.channel(ROOM).attempts.at(-1)?.ack(1)
    await vi.advanceTimersByTimeAsync(HOUR_MS)
    expect(stores.messages(ROOM)).not.toBe(store)
  })
})
