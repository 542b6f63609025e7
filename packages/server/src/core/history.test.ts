import { beforeEach, describe, expect, it } from 'vitest'
import { ADA, CoreHarness, LIMITS } from '../testing/core-harness.ts'
import { HeldReads, startWithRights } from '../testing/rights-harness.ts'
import type { Actor } from './ports/actor.ts'
import type { Page } from './ports/broker.ts'
import type { HistoryRequest } from './ports/service.ts'

const BACKEND: Actor = { kind: 'server', key_id: 'k1' }
const FEW = { burst: 10, per_second: 5 }

function offsetsOf({ publications }: Page): (number | undefined)[] {
  return publications.map(({ metadata }) => metadata.offset)
}

describe('a page of history', () => {
  let harness: CoreHarness

  beforeEach(async () => {
    harness = await CoreHarness.start()
    await harness.publishMany(5)
  })

  it.each<[string, HistoryRequest, number[]]>([
    ['the newest ones without bounds', { limit: 2 }, [4, 5]],
    ['the first ones behind `after`', { after: 1, limit: 2 }, [2, 3]],
    ['the last ones before `before`', { before: 4, limit: 2 }, [2, 3]],
    ['all of a log that is shorter than the limit', { limit: 50 }, [1, 2, 3, 4, 5]],
  ])('brings %s', async (_, request, offsets) => {
    const page = await harness.core.history(ADA, 'chat:a', request)
    expect(offsetsOf(page)).toEqual(offsets)
  })

  it('has a hundred publications at most where no limit is given', async () => {
    const asked: number[] = []
    const { history } = harness.broker
    harness.broker.history = (channel, range) => {
      asked.push(range.limit)
      return history.call(harness.broker, channel, range)
    }
    await harness.core.history(BACKEND, 'chat:a', {})
    await harness.core.history(ADA, 'chat:a', {})
    expect(asked).toEqual([100, 100])
  })

  it('is of the epoch that was asked for, or not there', async () => {
    const { epoch } = await harness.core.history(ADA, 'chat:a', { limit: 0 })
    const page = await harness.core.history(ADA, 'chat:a', { epoch, after: 4 })
    expect(offsetsOf(page)).toEqual([5])
    await expect(harness.core.history(ADA, 'chat:a', { epoch: 'gone' })).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining(epoch) as string,
    })
  })

  it('is smaller where the user may not have as much at once, and never for a backend', async () => {
    const limited = await CoreHarness.start({
      limits: { ...LIMITS, user: { ...LIMITS.user, history: FEW } },
    })
    await limited.publishMany(20)
    const page = await limited.core.history(ADA, 'chat:a', { after: 0, limit: 15 })
    expect(offsetsOf(page)).toHaveLength(10)
    expect(page.more).toBe(true)
    const whole = await limited.core.history(BACKEND, 'chat:a', { after: 0, limit: 15 })
    expect(offsetsOf(whole)).toHaveLength(15)
  })
})

describe('who asks for history', () => {
  it('gets none of a channel that does not exist', async () => {
    const { core } = await CoreHarness.start()
    await expect(core.history(BACKEND, 'nowhere:a', {})).rejects.toMatchObject({
      reason: 'not_found',
    })
  })

  it('gets it when the hook says so, and nothing is read before', async () => {
    const { core, hook, harness } = await startWithRights()
    const held = new HeldReads(harness.broker)
    await harness.add('held', held, { hook: true })
    await harness.publishMany(1)
    hook.answer = 'later'
    const allowed = core.history(ADA, 'held:a', {})
    const refused = core.history(ADA, 'held:b', {}).catch((error: unknown) => error)
    hook.waiting[1]?.resolve(false)
    expect(await refused).toMatchObject({ reason: 'forbidden' })
    expect(held.reads).toBe(0)
    hook.waiting[0]?.resolve(true)
    await harness.clock.settle()
    held.release()
    expect(offsetsOf(await allowed)).toEqual([1])
  })
})
