import { beforeAll, describe, expect, it } from 'vitest'
import { FLOODS } from './floods.ts'
import { type FloodReport, play } from './play.ts'

const waiting = FLOODS.filter(({ waits }) => waits)
const busy = FLOODS.filter(({ waits }) => !waits)
const begun = new Map<string, Promise<FloodReport>>()

// First, because they last as long as the deadlines of the server do.
beforeAll(() => {
  for (const flood of waiting) {
    const report = play(flood, 'small')
    begun.set(flood.id, report)
    // The test that waits for it comes later.
    report.catch(() => undefined)
  }
})

// How long the bystander waits is judged by `npm run test:nightly`, on a machine that does nothing else.
describe('under a flood others go on, and nothing of it stays', () => {
  it.each(busy)('$id', async (flood) => {
    expect((await play(flood, 'small')).failures).toEqual([])
  })

  it.each(waiting)('$id', async ({ id }) => {
    expect((await begun.get(id))?.failures).toEqual([])
  })
})
