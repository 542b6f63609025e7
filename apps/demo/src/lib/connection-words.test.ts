import { type ConnectionState, TidewireError, UnauthorizedError } from '@tidewire/react'
import { describe, expect, it } from 'vitest'
import { connectionWords } from './connection-words.ts'

const NOW = 1_000_000
const CONNECTED: ConnectionState = {
  name: 'connected',
  transport: 'websocket',
  clientId: 'c',
  user: 'ada',
}
const reconnecting = (retryAt: number, reason: 'network' | 'server_shutdown'): ConnectionState => ({
  name: 'reconnecting',
  attempt: 1,
  retryAt,
  reason,
})

describe('the words for the connection', () => {
  it('are none while all is well', () => {
    expect(connectionWords(CONNECTED, false, NOW)).toMatchObject({
      tone: 'live',
      sentence: undefined,
    })
  })

  it('tell that a room catches up', () => {
    expect(connectionWords(CONNECTED, true, NOW).sentence).toBe('Catching up.')
  })

  it('count down, and offer not to wait', () => {
    expect(connectionWords(reconnecting(NOW + 3200, 'network'), false, NOW)).toMatchObject({
      tone: 'waiting',
      sentence: 'Reconnecting in 4 s. Messages you send will wait.',
      action: 'Retry now',
    })
  })

  it('offer nothing while it is being tried', () => {
    const words = connectionWords(reconnecting(NOW, 'network'), false, NOW)
    expect(words).toMatchObject({ tone: 'moving', action: undefined })
    expect(words.sentence).toBe('Reconnecting. Messages you send will wait.')
  })

  it('do not flicker between attempts that follow each other at once', () => {
    const [trying, soon] = [0, 2000].map((wait) =>
      connectionWords(reconnecting(NOW + wait, 'network'), false, NOW),
    )
    expect(soon).toEqual({ ...trying, action: 'Retry now' })
  })

  it('say when the server restarts', () => {
    const { sentence } = connectionWords(reconnecting(NOW + 2900, 'server_shutdown'), false, NOW)
    expect(sentence).toMatch(/^The server is restarting\. Reconnecting in 3 s\./)
  })

  it('do not read numbers that run aloud', () => {
    const spoken = [3000, 9000].map(
      (wait) => connectionWords(reconnecting(NOW + wait, 'network'), false, NOW).spoken,
    )
    expect(spoken[0]).toBe(spoken[1])
  })

  it('are those of the page when it was the page that gave up', () => {
    const cause = new UnauthorizedError('Start it with --dev.')
    const error = new TidewireError('unauthorized', 'Nobody is signed in.', { cause })
    const failed: ConnectionState = { name: 'failed', reason: 'unauthorized', error }
    expect(connectionWords(failed, false, NOW)).toMatchObject({
      tone: 'failed',
      sentence: 'Start it with --dev.',
      action: 'Try again',
    })
  })
})
