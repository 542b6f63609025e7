import { describe, expect, it } from 'vitest'
import { FAULTS } from './plan.ts'
import { runSimulation } from './run-simulation.ts'
import { simulate } from './simulate.ts'
import { BROKEN, type Broken } from './tampering.ts'

const SEEDS = 300
/** Worlds in which something was wrong once. */
const REGRESSIONS = [354, 519, 1256, 1485, 1740, 2176]
/** A broken server has to show within so many. */
const ENOUGH = 200

describe('the simulation', () => {
  it('runs a seed twice in the same way', async () => {
    const [first, second] = [await simulate(1), await simulate(1)]
    expect(second.hash).toBe(first.hash)
    expect(second.history).toEqual(first.history)
  })

  it('runs another seed in another way', async () => {
    expect((await simulate(2)).hash).not.toBe((await simulate(1)).hash)
  })

  it('gives this program its clock and its chance back', async () => {
    const { setTimeout, Date, Math } = globalThis
    const [now, random] = [Date.now, Math.random]
    await simulate(1)
    expect([globalThis.setTimeout, Date.now, Math.random]).toEqual([setTimeout, now, random])
  })

  it.each(Object.keys(BROKEN) as Broken[])('finds a server that does %s', async (broken) => {
    for (let seed = 1; seed <= ENOUGH; seed++) {
      const { problems } = await simulate(seed, BROKEN[broken])
      if (problems.length > 0) return
    }
    expect.fail(`${ENOUGH} seeds, and nothing was found`)
  })
})

describe('the core and the client', () => {
  it.each(REGRESSIONS)('keep the contract in world %i', async (seed) => {
    expect((await simulate(seed)).problems).toEqual([])
  })

  it(`keep the contract in ${SEEDS} worlds`, { timeout: 120_000 }, async () => {
    const report = await runSimulation({ seeds: SEEDS })
    expect(report.failures).toEqual([])
    // Where nothing happened nothing was proven.
    expect(report.delivered).toBeGreaterThan(SEEDS * 200)
    expect(report.duplicates).toBeGreaterThan(SEEDS)
    expect(Object.keys(report.resets).sort()).toEqual(['epoch_changed', 'expired'])
    for (const fault of FAULTS) expect(report.faults[fault], fault).toBeGreaterThan(SEEDS / 20)
  })
})
