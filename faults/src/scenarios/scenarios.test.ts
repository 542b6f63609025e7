import { describe, expect, it } from 'vitest'
import { SCENARIOS } from './index.ts'

/** The same every time; new ones are for the nightly run. */
const seed = Number(process.env['FAULTS_SEED'] ?? 104)

describe(`under faults (FAULTS_SEED=${seed})`, () => {
  it.each(SCENARIOS)('$id: $title', { timeout: 60_000 }, async ({ run }) => {
    const { failures, history } = await run(seed, 'small')
    expect(failures, history).toEqual([])
  })
})
