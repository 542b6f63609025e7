import { describe, expect, it } from 'vitest'
import { ChurnedMap, ChurnedSet } from './churned.ts'

const THOUSAND = Array.from({ length: 1000 }, (_, i) => i)

describe('a churned set', () => {
  it('is the set of who came and has not left, in the order of their coming', () => {
    const churned = new ChurnedSet<number>()
    const plain = new Set<number>()
    for (const i of THOUSAND) {
      churned.add(i)
      plain.add(i)
      // Leaves a tenth of them, and some that were never there.
      for (const leaves of i % 10 === 0 ? [] : [i, i - 7]) {
        expect(churned.delete(leaves)).toBe(plain.delete(leaves))
      }
    }
    expect([...churned]).toEqual([...plain])
    expect(churned.size).toBe(plain.size)
    expect(THOUSAND.every((i) => churned.has(i) === plain.has(i))).toBe(true)
  })

  it('can be left by its members while a loop visits them', () => {
    const churned = new ChurnedSet<number>()
    for (const i of THOUSAND) churned.add(i)
    const visited: number[] = []
    for (const member of churned) {
      visited.push(member)
      churned.delete(member)
    }
    expect(visited).toEqual(THOUSAND)
    expect(churned.size).toBe(0)
  })
})

describe('a churned map', () => {
  it('holds what was set last and not deleted', () => {
    const churned = new ChurnedMap<number, string>()
    for (const i of THOUSAND) {
      churned.set(i, `old ${i}`)
      churned.set(i, `new ${i}`)
      if (i % 10 !== 0) churned.delete(i)
      churned.delete(-1)
    }
    const held = THOUSAND.map((i) => churned.get(i))
    expect(held).toEqual(THOUSAND.map((i) => (i % 10 === 0 ? `new ${i}` : undefined)))
    expect(THOUSAND.filter((i) => churned.has(i))).toHaveLength(100)
  })
})
