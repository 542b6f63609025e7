// @vitest-environment happy-dom
import type { Tidewire } from '@tidewire/client'
import { act, cleanup, renderHook, waitFor } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TidewireProvider } from './index.ts'
import { FakeClient } from './testing/fake-client.ts'
import { useUpload } from './use-upload.ts'
import { useUploadLink } from './use-upload-link.ts'
import './testing/patience.ts'

/** A client whose server takes files when, and as, the test says. */
class UploadClient extends FakeClient {
  readonly asked: string[] = []
  readonly answers: ((response: Response) => void)[] = []
  readonly http = {
    url: 'http://server',
    tokens: { get: async () => 'a-token' },
    fetch: (url: string, init: { method: string; signal?: AbortSignal }): Promise<Response> => {
      this.asked.push(`${init.method} ${url}`)
      return new Promise((resolve, reject) => {
        this.answers.push(resolve)
        init.signal?.addEventListener('abort', () => reject(new Error('aborted')))
      })
    },
  }

  /** The next request is answered so. */
  async answer(status: number, body: object): Promise<void> {
    await waitFor(() => expect(this.answers).not.toEqual([]))
    await act(async () => this.answers.shift()?.(Response.json(body, { status })))
  }
}

let client: UploadClient
beforeEach(() => {
  client = new UploadClient()
  // Requests go the way of `fetch`.
  vi.stubGlobal('XMLHttpRequest', undefined)
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

function wrapper({ children }: { children: ReactNode }) {
  return (
    <StrictMode>
      <TidewireProvider client={client as unknown as Tidewire}>{children}</TidewireProvider>
    </StrictMode>
  )
}

const SENT = { id: '1', name: 'a.txt', type: 'text/plain', size: 5, url: '/v1/uploads/1' }
const file = (name: string): File => new File(['hello'], name)

describe('useUpload', () => {
  it('shows each file on its way, there, and failed, and tries again', async () => {
    const { result } = renderHook(() => useUpload({ channel: 'chat:a' }), { wrapper })
    act(() => result.current.add([file('a.txt'), file('b.txt')]))
    expect(result.current.items.map(({ status }) => status)).toEqual(['uploading', 'uploading'])
    await client.answer(201, SENT)
    expect(client.asked[0]).toBe('POST http://server/v1/uploads?name=a.txt&channel=chat%3Aa')
    await waitFor(() =>
      expect(result.current.items[0]).toMatchObject({ status: 'done', upload: SENT }),
    )
    await client.answer(507, { code: 4015, message: 'Full.', temporary: true })
    await waitFor(() => expect(result.current.uploading).toBe(false))
    const [, failed] = result.current.items
    expect(failed).toMatchObject({ status: 'failed', error: { reason: 'storage_full' } })
    act(() => result.current.retry(failed!.key))
    await client.answer(201, { ...SENT, id: '2' })
    await waitFor(() => expect(result.current.items[1]?.upload?.id).toBe('2'))
    act(() => result.current.clear())
    expect(result.current.items).toEqual([])
  })

  it('takes files out: one on its way is aborted, one that is there is deleted', async () => {
    const { result } = renderHook(() => useUpload(), { wrapper })
    act(() => result.current.add([file('a.txt')]))
    await client.answer(201, SENT)
    await waitFor(() => expect(result.current.uploading).toBe(false))
    act(() => result.current.add([file('b.txt')]))
    await waitFor(() => expect(client.asked).toHaveLength(2))
    act(() => result.current.remove(result.current.items[1]!.key))
    act(() => result.current.remove(result.current.items[0]!.key))
    expect(result.current.items).toEqual([])
    await waitFor(() => expect(client.asked[2]).toBe('DELETE http://server/v1/uploads/1'))
  })
})

describe('useUploadLink', () => {
  it('asks once for however many show the file', async () => {
    const { result } = renderHook(() => [useUploadLink('1'), useUploadLink('1')], { wrapper })
    expect(result.current).toEqual([undefined, undefined])
    const expires_at = new Date(Date.now() + 300_000).toISOString()
    await client.answer(200, { url: '/v1/uploads/1?exp=1&sig=a', expires_at })
    const url = 'http://server/v1/uploads/1?exp=1&sig=a'
    await waitFor(() => expect(result.current).toEqual([url, url]))
    expect(client.asked).toEqual(['GET http://server/v1/uploads/1/link'])
  })
})
