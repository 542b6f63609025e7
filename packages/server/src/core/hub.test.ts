import type { Position, Publication } from '@tidewire/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../testing/fake-clock.ts'
import { Hub } from './hub.ts'
import { Turn } from './turn.ts'

const CHANNEL = 'chat:a'

function publication(offset: number): Publication {
  const metadata = { message_id: `m${offset}`, timestamp: '', channel: CHANNEL, offset }
  return { type: 'message', payload: {}, metadata }
}

describe('what the log is known to hold and the bus did not bring', () => {
  let hub: Hub
  let missed: Position[]
  const top = (offset: number, epoch = 'e'): Position => ({ epoch, offset })

  beforeEach(() => {
    hub = new Hub(new Turn(new FakeClock(), () => undefined))
    missed = []
    hub.join(CHANNEL, {
      deliver: () => undefined,
      signal: () => undefined,
      missed: (position) => void missed.push(position),
    })
  })

  it('is missed at the second look, once', () => {
    hub.expect(CHANNEL, top(5))
    hub.look()
    expect(missed).toEqual([])
    hub.look()
    hub.look()
    expect(missed).toEqual([top(5)])
  })

  it('is not forgotten for the receipt of an older publication', () => {
    hub.expect(CHANNEL, top(5))
    hub.expect(CHANNEL, top(3))
    hub.deliver(CHANNEL, 'e', [publication(3)])
    hub.look()
    hub.look()
    expect(missed).toEqual([top(5)])
  })

  it('has its own two looks, however long another was waited for', () => {
    hub.expect(CHANNEL, top(5))
    hub.look()
    hub.deliver(CHANNEL, 'e', [publication(5)])
    hub.expect(CHANNEL, top(6))
    hub.look()
    expect(missed).toEqual([])
    hub.look()
    expect(missed).toEqual([top(6)])
  })

  it('is missed also when more is expected between any two looks', () => {
    for (let offset = 1; offset <= 4; offset++) {
      hub.expect(CHANNEL, top(offset))
      hub.look()
    }
    expect(missed).toEqual([top(1), top(2), top(3)])
  })

  it('is that of the newest epoch', () => {
    hub.expect(CHANNEL, top(5))
    hub.expect(CHANNEL, top(1, 'f'))
    hub.look()
    hub.look()
    expect(missed).toEqual([top(1, 'f')])
  })
})
