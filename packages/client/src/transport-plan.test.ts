import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failed, freshPlan, succeeded, type TransportPlan, unusable } from './transport-plan.ts'
import type { TransportName } from './types.ts'

const ALL = ['websocket', 'sse', 'poll'] as const

function failing(plan: TransportPlan, times: number, timedOut = false): TransportName[] {
  const tried: TransportName[] = []
  for (let i = 0; i < times; i++) {
    tried.push(plan.current)
    plan = failed(plan, timedOut)
  }
  return tried
}

function after(plan: TransportPlan, failures: number, timedOut = false): TransportPlan {
  for (let i = 0; i < failures; i++) plan = failed(plan, timedOut)
  return plan
}

describe('the order of transports', () => {
  it('gives each two attempts and then begins anew', () => {
    expect(failing(freshPlan(ALL), 8)).toEqual([
      'websocket',
      'websocket',
      'sse',
      'sse',
      'poll',
      'poll',
      'websocket',
      'websocket',
    ])
  })

  it('stays with what worked', () => {
    const { plan, keep } = succeeded(freshPlan(ALL))
    expect(keep).toBe(true)
    expect(failed(plan, false).current).toBe('websocket')
  })

  it('gives the first choice one more attempt when another gets through: the server may have been down', () => {
    const sse = after(freshPlan(ALL), 2)
    const again = succeeded(sse)
    expect(again.keep).toBe(false)
    expect(again.plan.current).toBe('websocket')
    expect(succeeded(again.plan)).toMatchObject({ keep: true, plan: { choice: 'websocket' } })
  })

  it('keeps the other when that attempt fails, and prefers it from then on', () => {
    const again = succeeded(after(freshPlan(ALL), 2)).plan
    const back = failed(again, false)
    expect(back.current).toBe('sse')
    const kept = succeeded(back)
    expect(kept).toMatchObject({ keep: true, plan: { choice: 'sse' } })
    expect(failed(kept.plan, false).current).toBe('sse')
  })

  it('does not wait a second time for a first choice that never answered', () => {
    expect(succeeded(after(freshPlan(ALL), 2, true)).keep).toBe(true)
  })

  it('does wait for it when it had worked before', () => {
    const worked = succeeded(freshPlan(ALL)).plan
    expect(succeeded(after(worked, 2, true)).keep).toBe(false)
  })

  it('leaves out what does not work here at all, unless it is the only one', () => {
    expect(failing(unusable(freshPlan(ALL)), 6)).not.toContain('websocket')
    expect(unusable(freshPlan(['sse'])).current).toBe('sse')
  })

  it('settles: of transports that always or never get through, one that does is kept within eight attempts', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...ALL], { minLength: 1 }),
        fc.subarray([...ALL]),
        (order, up) => {
          fc.pre(order.some((name) => up.includes(name)))
          let plan = freshPlan(order)
          for (let attempt = 0; attempt < 8; attempt++) {
            if (up.includes(plan.current)) {
              const next = succeeded(plan)
              if (next.keep) return
              plan = next.plan
            } else plan = failed(plan, false)
          }
          throw new Error(`not settled: ${JSON.stringify(plan)}`)
        },
      ),
    )
  })
})
