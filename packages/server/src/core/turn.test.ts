import { beforeEach, describe, expect, it, vi } from 'vitest'
import { CoreHarness, frame } from '../testing/core-harness.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { type Flushable, Turn } from './turn.ts'

let clock: FakeClock
let failed: [unknown, Flushable][]
let turn: Turn

beforeEach(() => {
  clock = new FakeClock()
  failed = []
  turn = new Turn(clock, (error, flushable) => failed.push([error, flushable]))
})

describe('a turn', () => {
  it('flushes what comes after one that throws, and says which one it was', async () => {
    const broken = new Error('broken')
    const throws: Flushable = {
      flush() {
        throw broken
      },
    }
    const flushed: string[] = []
    turn.touchChannel(throws)
    turn.touchChannel({ flush: () => flushed.push('channel') })
    turn.touchSession(throws)
    turn.touchSession({ flush: () => flushed.push('session') })
    await clock.settle()
    expect(flushed).toEqual(['channel', 'session'])
    expect(failed).toEqual([
      [broken, throws],
      [broken, throws],
    ])
    turn.touchSession({ flush: () => flushed.push('next turn') })
    await clock.settle()
    expect(flushed).toContain('next turn')
  })
  it('ends the session that cannot write, and no other', async () => {
    const harness = await CoreHarness.start()
    const { core, clock } = harness
    const failures = vi.spyOn(core.observer, 'failed').mockImplementation(() => undefined)
    const broken = harness.connect()
    const other = harness.connect()
    await clock.settle()
    vi.spyOn(broken.connection, 'send').mockImplementationOnce(() => {
      throw new Error('cannot be encoded')
    })
    broken.session.receive(frame('ping'))
    other.session.receive(frame('ping'))
    await clock.settle()
    expect(broken.connection.of('error')[0]?.payload).toMatchObject({ code: 4000 })
    expect(broken.connection.closedWith?.code).toBe(4000)
    expect(other.connection.of('pong')).toHaveLength(1)
    expect(failures).toHaveBeenCalledWith('turn', expect.any(Error))
    failures.mockRestore()
  })
})
