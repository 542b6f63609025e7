import type { Position, Publication } from '@tidewire/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../testing/fake-clock.ts'
import { Hub, type Recipient } from './hub.ts'
import { Turn } from './turn.ts'

const CHANNEL = 'chat:a'

function publication(offset: number): Publication {
  const metadata = { message_id: `m${offset}`, timestamp: '', channel: CHANNEL, offset }
  return { type: 'message', payload: {}, metadata }
}

function recipient(): { recipient: Recipient; batches: number[][] } {
  const batches: number[][] = []
  return {
    batches,
    recipient: {
      deliver: ({ publications }) =>
        void batches.push(publications.map(({ metadata }) => metadata.offset!)),
      signal: () => undefined,
      missed: () => undefined,
    },
  }
}

describe('what is published fast', () => {
  let clock: FakeClock
  let turn: Turn
  let hub: Hub
  let batches: number[][]

  async function publish(...offsets: number[]): Promise<void> {
    for (const offset of offsets) hub.deliver(CHANNEL, 'e', [publication(offset)])
    await clock.settle()
  }

  beforeEach(() => {
    clock = new FakeClock()
    turn = new Turn(clock, () => undefined)
    hub = new Hub(turn, clock)
    const listener = recipient()
    batches = listener.batches
    hub.join(CHANNEL, listener.recipient, 5)
  })

  it('leaves at the end of its turn when it comes one by one', async () => {
    await publish(1)
    await publish(2)
    expect(batches).toEqual([[1], [2]])
  })

  it('is gathered for the interval when more than one came in the turn before', async () => {
    await publish(1, 2)
    await publish(3)
    await publish(4)
    expect(batches).toEqual([[1, 2]])
    await clock.advance(5)
    expect(batches).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  it('does not wait when the batch is worth a write of its own', async () => {
    await publish(1, 2)
    await publish(3)
    await publish(...Array.from({ length: 15 }, (_, i) => 4 + i))
    expect(batches).toHaveLength(2)
    expect(batches[1]).toHaveLength(16)
  })

  it('leaves at once again after a silence', async () => {
    await publish(1, 2)
    await clock.advance(11)
    await publish(3)
    expect(batches).toEqual([[1, 2], [3]])
  })

  it('leaves at once again when it came one by one for a while', async () => {
    await publish(1, 2)
    for (const offset of [3, 4, 5]) {
      await publish(offset)
      await clock.advance(5)
    }
    await publish(6)
    expect(batches).toEqual([[1, 2], [3], [4], [5], [6]])
  })

  it('leaves with the end of a turn that was longer than its wait, before the timer', async () => {
    const left: unknown[] = []
    const listener = (name: string): Recipient => ({
      ...recipient().recipient,
      deliver: () => void left.push(name),
    })
    hub.join(CHANNEL, listener('busy'), 5)
    hub.join('chat:quiet', listener('quiet'), 5)
    await publish(1, 2)
    await publish(3)
    left.length = 0
    turn.beforeEnd(() => left.push('end of turn'))
    hub.deliver('chat:quiet', 'e', [publication(1)])
    await clock.stall(6)
    expect(left).toEqual(['end of turn', 'quiet', 'busy'])
  })

  it('waits no shorter for a turn that ends within its interval', async () => {
    await publish(1, 2)
    await publish(3)
    await clock.advance(4)
    hub.join('chat:quiet', recipient().recipient, 5)
    hub.deliver('chat:quiet', 'e', [publication(1)])
    await clock.settle()
    expect(batches).toEqual([[1, 2]])
  })

  it('has the whole interval again when the wait before was cut short', async () => {
    await publish(1, 2)
    await publish(3)
    await clock.advance(3)
    hub.flush()
    await publish(4)
    await clock.advance(3)
    expect(batches).toEqual([[1, 2], [3]])
    await clock.advance(2)
    expect(batches).toEqual([[1, 2], [3], [4]])
  })

  it('does not wait for the interval when everything is to be handed out', async () => {
    await publish(1, 2)
    await publish(3)
    hub.flush()
    expect(batches).toEqual([[1, 2], [3]])
    await clock.advance(5)
    expect(batches).toHaveLength(2)
  })
})

describe('what the log is known to hold and the bus did not bring', () => {
  let hub: Hub
  let missed: Position[]
  const top = (offset: number, epoch = 'e'): Position => ({ epoch, offset })

  beforeEach(() => {
    const clock = new FakeClock()
    hub = new Hub(new Turn(clock, () => undefined), clock)
    missed = []
    const missing = { missed: (position: Position) => void missed.push(position) }
    hub.join(CHANNEL, { ...recipient().recipient, ...missing }, 0)
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
