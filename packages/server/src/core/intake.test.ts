import { beforeEach, describe, expect, it } from 'vitest'
import { type Connected, CoreHarness, frame } from '../testing/core-harness.ts'

let harness: CoreHarness
let ada: Connected

beforeEach(async () => {
  harness = await CoreHarness.start()
  ada = harness.connect()
})

/** Of what came after the greeting. */
function types(): string[] {
  return ada.connection.frames.slice(1).map(({ type }) => type)
}

describe('many commands that come at once', () => {
  it('are run a few in each turn, and the connection is not read meanwhile', async () => {
    for (let i = 0; i < 17; i++) ada.session.receive(frame('ping'))
    expect(ada.connection.paused).toBe(true)
    await harness.clock.settle()
    expect(types()).toEqual(Array.from({ length: 17 }, () => 'pong'))
    expect(ada.connection.paused).toBe(false)
  })

  it('do not pause a connection that sends no more than a few', () => {
    for (let i = 0; i < 16; i++) ada.session.receive(frame('ping'))
    expect(ada.connection.paused).toBe(false)
  })

  it('are not overtaken by a publication that came behind them', async () => {
    for (let i = 0; i < 40; i++) ada.session.receive(frame('ping'))
    ada.session.receive(frame('message', { n: 1 }, { channel: 'chat:a' }))
    await harness.clock.settle()
    expect(types().indexOf('ack')).toBe(40)
  })

  it('do not keep those of others waiting', async () => {
    const bob = harness.connect()
    for (let i = 0; i < 1000; i++) ada.session.receive(frame('ping'))
    bob.session.receive(frame('ping'))
    expect(bob.connection.paused).toBe(false)
    await harness.clock.settle()
    expect(bob.connection.of('pong')).toHaveLength(1)
    expect(ada.connection.of('pong')).toHaveLength(1000)
  })

  it('end with the connection', async () => {
    for (let i = 0; i < 40; i++) ada.session.receive(frame('ping'))
    ada.session.receive(frame('message', { n: 1 }, { channel: 'chat:a' }))
    ada.session.closed(1001)
    await harness.clock.settle()
    const { publications } = await harness.broker.history('chat:a', { limit: 10 })
    expect(publications).toEqual([])
  })
})
