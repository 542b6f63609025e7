import { describe, expect, it } from 'vitest'
import { FLOODS } from './floods.ts'
import { play } from './play.ts'

// How long the bystander waits is judged by `npm run test:nightly`, on a machine that does nothing else.
describe('under a flood others go on, and nothing of it stays', () => {
  it.each(FLOODS)('$id', { timeout: 120_000 }, async (flood) => {
    const { failures } = await play(flood, 'small')
    expect(failures).toEqual([])
  })
})
