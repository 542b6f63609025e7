import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect, it } from 'vitest'
import { quietObserver, ScriptedService } from '../../contract/scripted-service.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { openStream, type StreamConnection } from './stream.ts'
import { Turnstile } from './turnstile.ts'

/** A response whose peer leaves when it is told to. */
class Response extends EventEmitter {
  destroyed = false

  leave(): void {
    this.destroyed = true
    this.emit('close')
  }
}

it.each([
  ['opens no session for who went away while the token was checked', true, 0],
  ['opens one for who is there', false, 1],
])('%s', async (_, leaves, sessions) => {
  const response = new Response()
  const observer = quietObserver()
  const service = new ScriptedService()
  service.authenticate = async () => {
    if (leaves) response.leave()
    return service.actor
  }
  const turnstile = new Turnstile({ maxWaiting: 10, random: () => 0, observer })
  const connection = { start: () => undefined, gone: () => undefined }
  await openStream(
    { service, turnstile, observer, clock: new FakeClock() },
    {
      request: { headers: {}, url: '/v1/poll' } as unknown as IncomingMessage,
      response: response as unknown as ServerResponse,
      address: '::1',
      transport: 'poll',
      closeCode: 1000,
      prepare: () => ({
        query: new URLSearchParams(),
        connect: () => connection as unknown as StreamConnection,
      }),
      refuse: () => undefined,
    },
  )
  expect(service.sessions).toHaveLength(sessions)
})
