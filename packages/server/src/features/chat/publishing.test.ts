import { ProtocolError } from '@tidewire/protocol'
import { expect, it } from 'vitest'
import type { Intercepted } from '../../handlers.ts'
import { FakeClock } from '../../testing/fake-clock.ts'
import { OnTheWay } from './on-the-way.ts'
import { Publishing, type PublishingParts } from './publishing.ts'

it('nobody waits for a message that was not let in because the tables do not answer', async () => {
  const onTheWay = new OnTheWay(new FakeClock())
  const projection = {
    known: async () => {
      throw new ProtocolError('unavailable', 'The tables do not answer.')
    },
  }
  const parts = { projection, onTheWay } as Partial<Record<keyof PublishingParts, unknown>>
  const { intercept } = new Publishing(parts as unknown as PublishingParts)
  const message = { channel: 'chat:general', type: 'message', message_id: 'm', payload: {} }
  const outcome = intercept(message as Intercepted)
  expect(onTheWay.end('chat:general', 'm')).toBeInstanceOf(Promise)
  await expect(outcome).rejects.toMatchObject({ reason: 'unavailable' })
  expect(onTheWay.end('chat:general', 'm')).toBeUndefined()
})
