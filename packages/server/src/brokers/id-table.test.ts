import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IdHash } from './id-hash.ts'
import { IdTable, type Remembered } from './id-table.ts'

function half(): fc.Arbitrary<number> {
  // Few, so that ids meet in one slot; zero, because a free slot holds zeros; and the ends of the range.
  return fc.constantFrom(0, 1, 2, 8, 16, 2 ** 31 - 1, -1, -(2 ** 31))
}

type Act =
  | { set: Remembered & { digest: number }; low: number; high: number }
  | { blur: number; low: number; high: number }

const act = (): fc.Arbitrary<Act> =>
  fc.oneof(
    fc.record({
      low: half(),
      high: half(),
      set: fc.record({
        offset: fc.integer({ min: 1, max: 3 }),
        digest: fc.integer({ min: 0, max: 0x3fffffff }),
        at: fc.nat(),
      }),
    }),
    fc.record({ low: half(), high: half(), blur: fc.integer({ min: 1, max: 3 }) }),
  )

/** What the table says of it, and holds afterwards. */
function play(table: IdTable, it: Act): unknown[] {
  let isNew: boolean | undefined
  if ('set' in it) isNew = table.set(it.low, it.high, it.set.offset, it.set.digest, it.set.at)
  else table.blur(it.low, it.high, it.blur)
  return [isNew, table.get(it.low, it.high)]
}

function playOnMap(map: Map<string, Remembered>, it: Act): unknown[] {
  const key = `${it.low} ${it.high}`
  const known = map.get(key)
  if ('set' in it) map.set(key, { ...it.set })
  else if (known?.offset === it.blur) known.digest = undefined
  return ['set' in it ? known === undefined : undefined, map.get(key)]
}

describe('a table of ids', () => {
  it('holds what a map would hold', () => {
    const property = fc.property(fc.array(act(), { maxLength: 200 }), (acts) => {
      const table = new IdTable()
      const map = new Map<string, Remembered>()
      for (const it of acts) {
        const told = play(table, it)
        expect(told).toEqual(playOnMap(map, it))
        expect(table.size).toBe(map.size)
      }
      for (const [key, remembered] of map) {
        const [low, high] = key.split(' ').map(Number)
        expect(table.get(low!, high!)).toEqual(remembered)
      }
    })
    expect(() => fc.assert(property)).not.toThrow()
  })

  it('keeps offsets and times that need more than 32 bits', () => {
    const table = new IdTable()
    table.set(1, 2, 2 ** 40, 7, 1_800_000_000_000)
    expect(table.get(1, 2)).toEqual({ offset: 2 ** 40, digest: 7, at: 1_800_000_000_000 })
  })
})

describe('the hash of an id', () => {
  const hash = new IdHash(new Int32Array([1, 2]))
  const of = (id: string, by = hash): string => {
    by.of(id)
    return `${by.low} ${by.high}`
  }

  it('is the same for the same id, whatever was asked for in between', () => {
    const first = of('m1')
    of('m2')
    expect(of('m1')).toBe(first)
  })

  it('tells twenty thousand ids apart, in either half nearly all', () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => `message-${i}`)
    const halves = ids.map((id) => of(id).split(' '))
    expect(new Set(halves.map((both) => both.join())).size).toBe(ids.length)
    expect(new Set(halves.map(([low]) => low)).size).toBeGreaterThan(ids.length - 5)
    expect(new Set(halves.map(([, high]) => high)).size).toBeGreaterThan(ids.length - 5)
  })

  it('tells ids apart that differ in one unit, in their length or in their order', () => {
    const ids = ['', '\0', 'a', 'a\0', 'ab', 'ba', 'abc', 'abd', 'ab\0', 'é', '\u00e9\u0301', '𝄞']
    expect(new Set(ids.map((id) => of(id))).size).toBe(ids.length)
  })

  it('is another with another key', () => {
    expect(of('m1', new IdHash(new Int32Array([1, 3])))).not.toBe(of('m1'))
    expect(of('m1', new IdHash())).not.toBe(of('m1', new IdHash()))
  })
})
