import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type Connected, CoreHarness, frame, LIMITS } from '../testing/core-harness.ts'
import { SlowHook } from '../testing/rights-harness.ts'

const INTERVAL_MS = 30_000
const PATIENCE_MS = 60_000
const MANY = 1000

let harness: CoreHarness
let hook: SlowHook

beforeEach(async () => {
  hook = new SlowHook()
  const limits = { ...LIMITS, max_connections: MANY, max_connections_per_address: MANY }
  harness = await CoreHarness.start({ hook, limits: { ...limits, max_channels: MANY } })
  await harness.add('asked', harness.broker, { hook: true })
  await harness.add('other', harness.broker, { hook: true })
})

/** As many users, each of whom listens to these channels, which the hook is slow to be asked about from now on. */
async function listening(count: number, ...channels: string[]): Promise<Connected[]> {
  const all = Array.from({ length: count }, (_, i) =>
    harness.connect({ kind: 'user', user: `user-${i}` }),
  )
  for (const { session } of all) {
    for (const channel of channels) session.receive(frame('subscribe', { channel }))
    await settle()
  }
  hook.asked.length = 0
  hook.answer = 'later'
  return all
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await harness.clock.settle()
}

async function pass(ms: number): Promise<void> {
  await harness.clock.advance(ms)
  await settle()
}

/** What was ended, and why. */
function ended(all: readonly Connected[]): unknown[] {
  return all.flatMap(({ connection }) =>
    connection.of('unsubscribed').map(({ payload }) => {
      const error = payload['error'] as { reason: string } | undefined
      return [payload['channel'], error?.reason]
    }),
  )
}

describe('the sweep over what is open', () => {
  it.each([
    ['of many users', 250, ['asked:a']],
    ['of users with many channels', 5, Array.from({ length: 50 }, (_, i) => `asked:${i}`)],
  ])('asks 100 questions at a time, %s', async (_, users, channels) => {
    await listening(users, ...channels)
    await pass(INTERVAL_MS)
    expect(hook.asked).toHaveLength(100)
    for (let answered = 0; answered < 7; answered++) hook.waiting[answered]!.resolve(true)
    await settle()
    expect(hook.asked).toHaveLength(107)
  })

  it('goes on beside a question that is not answered yet', async () => {
    const all = await listening(250, 'asked:a')
    await pass(INTERVAL_MS)
    for (let answered = 1; answered < 250; answered++) {
      expect(hook.asked.length).toBeGreaterThan(answered)
      hook.waiting[answered]!.resolve(true)
      await settle()
    }
    expect(hook.asked).toHaveLength(250)
    hook.waiting[0]!.resolve(false)
    await settle()
    expect(ended(all)).toEqual([['asked:a', 'forbidden']])
  })

  it('ends what is not answered for a minute, and that alone', async () => {
    const failed = vi.spyOn(harness.core.observer, 'failed').mockReturnValue(undefined)
    const all = await listening(250, 'asked:a')
    await pass(INTERVAL_MS)
    for (let answered = 1; answered < 250; answered++) {
      hook.waiting[answered]!.resolve(true)
      await settle()
    }
    await pass(PATIENCE_MS - 1)
    expect(ended(all)).toEqual([])
    await pass(1)
    expect(ended(all)).toEqual([['asked:a', 'unavailable']])
    expect(failed).toHaveBeenCalledTimes(1)
    hook.waiting[0]!.reject(new Error('The answer that nobody waits for.'))
    await settle()
    await pass(INTERVAL_MS)
    expect(hook.waiting).toHaveLength(250 + 100)
  })

  it('ends within two minutes all that a hook which never answers is asked about, and comes again', async () => {
    const failed = vi.spyOn(harness.core.observer, 'failed').mockReturnValue(undefined)
    const all = await listening(250, 'asked:a')
    await pass(INTERVAL_MS + PATIENCE_MS)
    // A few were asked before it was clear that nobody answers.
    expect(ended(all).length).toBeGreaterThan(240)
    await pass(PATIENCE_MS)
    expect(ended(all)).toEqual(all.map(() => ['asked:a', 'unavailable']))
    expect(hook.asked.length).toBeLessThan(110)
    expect(failed).toHaveBeenCalledTimes(hook.asked.length)
    hook.answer = true
    for (const { session } of all) session.receive(frame('subscribe', { channel: 'asked:a' }))
    await settle()
    hook.asked.length = 0
    await pass(INTERVAL_MS)
    expect(hook.asked).toHaveLength(250)
  })

  it('asks about other namespaces all the same', async () => {
    vi.spyOn(harness.core.observer, 'failed').mockReturnValue(undefined)
    const silent = await listening(150, 'asked:a')
    hook.answer = true
    const heard = await listening(1, 'other:a')
    await pass(INTERVAL_MS + PATIENCE_MS)
    expect(hook.asked.map(({ channel }) => channel)).toContain('other:a')
    const place = hook.asked.findIndex(({ channel }) => channel === 'other:a')
    hook.waiting[place]!.resolve(true)
    await pass(PATIENCE_MS)
    expect(ended(silent)).toHaveLength(150)
    expect(ended(heard)).toEqual([])
  })
})
