// @vitest-environment happy-dom
import type { Tidewire } from '@tidewire/client'
import { act, cleanup, renderHook, waitFor } from '@testing-library/react'
import type { ReactNode } from 'react'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TidewireProvider } from './index.ts'
import { HttpClient } from './testing/http-client.ts'
import { useNotificationPreferences } from './use-notification-preferences.ts'
import './testing/patience.ts'

const NONE = { off: [], quiet_hours: null }
const REFUSAL = { code: 4009, reason: 'bad_envelope', message: 'No.', temporary: false }

let client: HttpClient
beforeEach(() => {
  client = new HttpClient()
})
afterEach(cleanup)

function wrapper({ children }: { children: ReactNode }) {
  return <TidewireProvider client={client as unknown as Tidewire}>{children}</TidewireProvider>
}

async function opened() {
  const { result } = renderHook(() => useNotificationPreferences(), { wrapper })
  await waitFor(() => expect(client.asked).toEqual(['GET /v1/notifications/preferences']))
  await act(async () => client.answer(200, NONE))
  await waitFor(() => expect(result.current.preferences).toEqual(NONE))
  return result
}

describe('preferences', () => {
  it('change at once, and are sent', async () => {
    const result = await opened()
    act(() => void result.current.save({ ...NONE, off: ['ad'] }))
    expect(result.current.preferences?.off).toEqual(['ad'])
    await waitFor(() =>
      expect(client.asked[1]).toBe(
        'PUT /v1/notifications/preferences {"off":["ad"],"quiet_hours":null}',
      ),
    )
    await act(async () => client.answer(200, { ...NONE, off: ['ad'] }))
    expect(result.current).toMatchObject({ preferences: { off: ['ad'] }, error: undefined })
  })

  it('are sent one after the other, and only the last of those that wait', async () => {
    const result = await opened()
    for (const kind of ['a', 'b', 'c']) {
      act(() => void result.current.save({ ...NONE, off: [kind] }))
      await waitFor(() => expect(client.asked).toHaveLength(2))
    }
    await act(async () => client.answer(200, { ...NONE, off: ['a'] }))
    await waitFor(() => expect(client.asked).toHaveLength(3))
    expect(client.asked[2]).toContain('"off":["c"]')
    await act(async () => client.answer(400, REFUSAL))
    await waitFor(() => expect(result.current.error?.reason).toBe('bad_envelope'))
    expect(result.current.preferences?.off).toEqual(['a'])
  })

  it('are what they were when the server refuses them', async () => {
    const result = await opened()
    act(() => void result.current.save({ ...NONE, off: ['ad'] }))
    await waitFor(() => expect(client.asked).toHaveLength(2))
    await act(async () => client.answer(400, REFUSAL))
    await waitFor(() => expect(result.current.error?.reason).toBe('bad_envelope'))
    expect(result.current.preferences).toEqual(NONE)
  })

  it('say why they cannot be had, and are asked for again', async () => {
    const { result } = renderHook(() => useNotificationPreferences(), { wrapper })
    await waitFor(() => expect(client.asked).toHaveLength(1))
    await act(async () => client.answer(503, { ...REFUSAL, code: 4014, reason: 'unavailable' }))
    await waitFor(() => expect(result.current.error?.reason).toBe('unavailable'))
    act(() => void result.current.reload())
    await waitFor(() => expect(client.asked).toHaveLength(2))
    await act(async () => client.answer(200, NONE))
    await waitFor(() => expect(result.current.preferences).toEqual(NONE))
    expect(result.current.error).toBeUndefined()
  })
})
