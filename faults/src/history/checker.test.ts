import { describe, expect, it } from 'vitest'
import { Chance } from '../chance.ts'
import { check, type Rules } from './checker.ts'
import type { HistoryEvent } from './events.ts'
import { MUTATIONS } from './testing/mutations.ts'
import { type CleanHistory, randomHistory } from './testing/random-history.ts'

function allowing({ resets, epochs }: CleanHistory, more: Rules = {}): Rules {
  return { maxResets: resets, maxEpochs: epochs, minAcked: 0, minDelivered: 0, ...more }
}

describe('the checker', () => {
  it('finds nothing wrong in 2,000 histories that break no rule', () => {
    let [delivered, resets, unanswered, duplicates] = [0, 0, 0, 0]
    for (let seed = 1; seed <= 2000; seed++) {
      const history = randomHistory({ seed, steps: 300 })
      const { anomalies, figures } = check(history.events, allowing(history))
      expect(anomalies, `seed ${seed}`).toEqual([])
      delivered += figures.delivered
      resets += history.resets
      unanswered += figures.unanswered
      duplicates += figures.duplicates
    }
    // They were not clean because nothing happened in them.
    expect(delivered).toBeGreaterThan(50_000)
    expect(resets).toBeGreaterThan(500)
    expect(unanswered).toBeGreaterThan(500)
    expect(duplicates).toBeGreaterThan(500)
  })

  it.each(Object.entries(MUTATIONS))('notices when %s', (_, { mutate, classes }) => {
    let tried = 0
    let caught = 0
    for (let seed = 1; tried < 300 && seed < 6000; seed++) {
      const history = randomHistory({ seed, steps: 250 })
      const mutated = mutate(history.events, new Chance(seed))
      if (mutated === undefined) continue
      tried += 1
      const { counts } = check(mutated, allowing(history, { maxResets: Infinity }))
      if (classes.some((anomaly) => counts[anomaly] !== undefined)) caught += 1
    }
    expect(tried).toBe(300)
    expect(caught).toBeGreaterThanOrEqual(285)
  })

  it('counts resets against what is allowed', () => {
    const history = randomHistory({ seed: 5, steps: 3000 })
    expect(history.resets).toBeGreaterThan(2)
    const { counts } = check(history.events, allowing(history, { maxResets: history.resets - 1 }))
    expect(counts).toEqual({ 'false-reset': 1 })
  })

  it('counts the lives of a log against what is allowed', () => {
    const history = randomHistory({ seed: 5, steps: 3000 })
    expect(history.epochs).toBeGreaterThan(1)
    const { counts } = check(history.events, allowing(history, { maxEpochs: 1 }))
    expect(counts['false-reset']).toBeGreaterThan(0)
  })

  it('does not take silence for a proof', () => {
    expect(check([]).counts).toEqual({ 'too-little': 2 })
    const deaf = randomHistory({ seed: 1, steps: 200, readers: 0 })
    expect(check(deaf.events, { maxEpochs: deaf.epochs }).counts).toEqual({ 'too-little': 1 })
  })

  it('sorts events that several processes recorded', () => {
    const history = randomHistory({ seed: 9, steps: 400 })
    const shuffled = history.events.toSorted((a, b) => a.client.localeCompare(b.client))
    expect(check(shuffled, allowing(history)).anomalies).toEqual([])
  })

  it('reads 500,000 events in about a second', () => {
    const events: HistoryEvent[] = []
    for (let seed = 1; events.length < 500_000; seed++) {
      const start = events.at(-1)?.t ?? 0
      for (const event of randomHistory({ seed, steps: 5000 }).events) {
        const renamed = { ...event, t: event.t + start, client: `${seed}/${event.client}` }
        if ('channel' in renamed) renamed.channel = `${seed}/${renamed.channel}`
        if ('value' in renamed) renamed.value = `${seed}/${renamed.value}`
        if (renamed.type === 'hist') {
          renamed.items = renamed.items.map(([offset, value]) => [offset, `${seed}/${value}`])
        }
        events.push(renamed)
      }
    }
    const began = process.cpuUsage()
    const { counts } = check(events, { maxResets: Infinity, maxEpochs: Infinity })
    const { user, system } = process.cpuUsage(began)
    expect(counts).toEqual({})
    // Of the processor, which others may have meanwhile; four times that, for slow ones.
    expect((user + system) / 1000).toBeLessThan(4000)
  })
})
