import { describe, expect, it } from 'vitest'
import { entriesOf } from './entries.ts'
import type { Activity } from './schemas.ts'

const START = Date.parse('2026-11-20T12:00:00.000Z')

/** `actor verb object minute`, in the order of their places. */
function said(...lines: string[]): Activity[] {
  return lines.map((line, i) => {
    const [actor = '', verb = '', object = '', minute = '0'] = line.split(' ')
    const at = new Date(START + Number(minute) * 60_000).toISOString()
    const what = object === '-' ? {} : { object }
    return { id: `a${i + 1}`, seq: i + 1, at, actor, verb, ...what }
  })
}

/** `actors+others verb object seq` */
const told = (activities: readonly Activity[]): string[] =>
  entriesOf(activities).map(
    ({ actors, others, verb, object = '-', seq }) =>
      `${actors.join(',')}+${others} ${verb} ${object} ${seq}`,
  )

describe('the entries of a feed', () => {
  it('tell the same deed to the same object once, with the last three who did it', () => {
    const lines = ['ada', 'bob', 'cyd', 'dan', 'eve'].map((user, i) => `${user} liked photo:1 ${i}`)
    expect(told(said(...lines))).toEqual(['eve,dan,cyd+2 liked photo:1 5'])
  })

  it('count everybody once, however often they did it', () => {
    const lines = ['ada', 'bob', 'ada', 'ada'].map((user) => `${user} liked photo:1`)
    expect(told(said(...lines))).toEqual(['ada,bob+0 liked photo:1 4'])
  })

  it('keep apart other verbs, other objects, what has none, and what came more than an hour later', () => {
    expect(
      told(
        said(
          'ada liked photo:1 0',
          'bob saw photo:1 0',
          'bob liked photo:2 0',
          'bob liked - 0',
          'cyd liked - 0',
          'bob liked photo:1 60',
          'cyd liked photo:1 61',
          'dan liked photo:1 62',
        ),
      ),
    ).toEqual([
      'dan,cyd+0 liked photo:1 8',
      'bob,ada+0 liked photo:1 6',
      'cyd+0 liked - 5',
      'bob+0 liked - 4',
      'bob+0 liked photo:2 3',
      'bob+0 saw photo:1 2',
    ])
  })

  it('of a page stay what they are whatever comes later, but for those that it joins', () => {
    const lines = Array.from({ length: 30 }, (_, i) => `u${i % 4} liked photo:${i % 7} ${i * 9}`)
    for (let n = 1; n < lines.length; n++) {
      const before = told(said(...lines.slice(0, n)))
      const after = told(said(...lines.slice(0, n + 1)))
      const gone = before.filter((entry) => !after.includes(entry))
      expect(gone.length).toBeLessThanOrEqual(1)
      expect(after.slice(1)).toEqual(before.filter((entry) => !gone.includes(entry)))
    }
  })
})
