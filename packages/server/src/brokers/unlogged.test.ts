import { expect, it } from 'vitest'
import { brokerContract } from '../../contract/broker.contract.ts'
import { draft } from '../../contract/channel-model.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { LocalBus } from './local-bus.ts'
import { UnloggedBroker } from './unlogged.ts'

brokerContract(
  'unlogged',
  () => {
    const broker = new UnloggedBroker({ bus: new LocalBus() })
    return { broker, clock: new FakeClock(), stop: () => broker.stop() }
  },
  { keepsLog: false, runs: 1 },
)

it('has no history, and nothing to replace in it', async () => {
  const broker = new UnloggedBroker({ bus: new LocalBus() })
  await expect(broker.history()).rejects.toMatchObject({ reason: 'not_found' })
  await expect(broker.replace()).rejects.toMatchObject({ reason: 'not_found' })
})

it('says that the outcome is unknown when the bus fails', async () => {
  const bus = new LocalBus()
  bus.broadcast = () => Promise.reject(new Error('the connection is gone'))
  const broker = new UnloggedBroker({ bus })
  await expect(broker.publish(draft('signal:a', '1'))).rejects.toMatchObject({
    reason: 'unavailable',
  })
})

it('hears its own channels only, on a bus that others use too', async () => {
  const bus = new LocalBus()
  const heard: string[] = []
  const [one, other] = [new UnloggedBroker({ bus }), new UnloggedBroker({ bus })]
  await one.start((channel) => heard.push(`one: ${channel}`))
  await other.start((channel) => heard.push(`other: ${channel}`))
  await one.join('signal:a')
  await other.join('typing:a')
  await one.publish(draft('signal:a', '1'))
  await other.publish(draft('typing:a', '1'))
  expect(heard).toEqual(['one: signal:a', 'other: typing:a'])
})
