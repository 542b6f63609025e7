import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { type Activity, type FeedEntry, merge, refreshed } from './feed-entries.ts'

const START = Date.parse('2026-11-20T12:00:00.000Z')

/** The server's rule, written for all activities at once. */
function told(activities: readonly Activity[]): FeedEntry[] {
  const groups: Activity[][] = []
  for (const activity of activities) {
    const group = groups.findLast(
      ([first]) =>
        activity.object !== undefined &&
        first?.object === activity.object &&
        first.verb === activity.verb &&
        Date.parse(activity.at) - Date.parse(first.at) <= 3_600_000,
    )
    if (group === undefined) groups.push([activity])
    else group.push(activity)
  }
  const newestFirst = groups
    .map((group) => group.toReversed())
    .toSorted((a, b) => b[0]!.seq - a[0]!.seq)
  return newestFirst.map((group) => {
    const actors = [...new Set(group.map(({ actor }) => actor))]
    const { actor: _, ...newest } = group[0]!
    const rest = { actors: actors.slice(0, 3), others: Math.max(0, actors.length - 3) }
    return { ...newest, first_at: group.at(-1)!.at, ...rest }
  })
}

const activities = fc
  .array(
    fc.record({
      actor: fc.constantFrom('ada', 'bob', 'cyd', 'dan', 'eve'),
      verb: fc.constantFrom('liked', 'saw'),
      object: fc.option(fc.constantFrom('photo:1', 'photo:2'), { nil: undefined }),
      minutes: fc.integer({ min: 0, max: 25 }),
    }),
    { minLength: 20, maxLength: 40 },
  )
  .map((deeds) => {
    let at = START
    return deeds.map(({ actor, verb, object, minutes }, i): Activity => {
      at += minutes * 60_000
      const what = object === undefined ? {} : { object }
      return { id: `a${i}`, seq: i + 1, at: new Date(at).toISOString(), actor, verb, ...what }
    })
  })

describe('what arrives', () => {
  it('makes of the entries what the server would tell, wherever it does not say that it is unsure', () => {
    let sure = 0
    fc.assert(
      fc.property(activities, fc.nat(15), fc.integer({ min: 1, max: 30 }), (all, from, size) => {
        // The first page, as it was fetched, and then one activity after the other.
        let known = told(all.slice(0, from))
        let hasMore = known.length > size
        known = known.slice(0, size)
        for (let n = from + 1; n <= all.length; n++) {
          const { entries, isUnsure } = merge(known, all[n - 1]!, hasMore)
          const truth = told(all.slice(0, n))
          if (isUnsure) {
            const page = truth.slice(0, size)
            hasMore = truth.length > size
            const fresh = refreshed(entries, page, hasMore)
            known = [...fresh.entries]
          } else {
            sure += 1
            known = [...entries]
          }
          expect(known).toEqual(truth.slice(0, known.length))
        }
      }),
      // `SEQUENCES=nightly` has the time for more.
      { numRuns: process.env['SEQUENCES'] === 'nightly' ? 20_000 : 2_000 },
    )
    expect(sure).toBeGreaterThan(10_000)
  }, 600_000)

  it('twice changes nothing, and late takes its place until the server has told what it changes', () => {
    const [first, second] = [1, 2].map((seq): Activity => ({
      id: `a${seq}`,
      seq,
      at: new Date(START).toISOString(),
      actor: 'ada',
      verb: 'slept',
    }))
    const { entries } = merge([], second!, false)
    expect(merge(entries, second!, false)).toEqual({ entries, isUnsure: false })
    const late = merge(entries, first!, false)
    expect(late.entries.map(({ seq }) => seq)).toEqual([2, 1])
    expect(late.isUnsure).toBe(true)
  })
})

it('a page with a hole below it is all that is known', () => {
  const entry = (seq: number): FeedEntry => ({
    id: `a${seq}`,
    seq,
    at: '',
    first_at: '',
    verb: 'slept',
    actors: ['ada'],
    others: 0,
  })
  const known = [3, 2, 1].map(entry)
  expect(refreshed(known, [5, 4].map(entry), true).keepsOlder).toBe(false)
  expect(refreshed(known, [4, 3].map(entry), true).entries).toEqual([4, 3, 2, 1].map(entry))
  expect(refreshed(known, [4, 3].map(entry), false).entries).toEqual([4, 3].map(entry))
})
