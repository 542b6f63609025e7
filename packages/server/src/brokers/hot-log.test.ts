import { beforeEach, describe, expect, it } from 'vitest'
import { draft } from '../../contract/channel-model.ts'
import { HotLog } from './hot-log.ts'
import { HotMemory } from './hot-memory.ts'

describe('a hot log', () => {
  let log: HotLog
  let memory: HotMemory
  let held: { entries: number }

  const append = (id: string, text: string, at = 0): number => {
    const publication = draft('live:a', id, { payload: { text } })
    publication.metadata.offset = log.newest + 1
    log.append(JSON.stringify(publication), text.length, at)
    return log.newest
  }
  const texts = (): unknown[] =>
    log.read({ limit: 1_000 }).publications.map(({ payload }) => payload['text'])

  beforeEach(() => {
    held = { entries: 0 }
    memory = new HotMemory()
    log = new HotLog(memory, held)
  })

  it('gives back what it was given, with its offset', () => {
    append('1', 'a 🌊 "quoted" \u2028')
    const publication = draft('live:a', '1', { payload: { text: 'a 🌊 "quoted" \u2028' } })
    publication.metadata.offset = 1
    expect(log.read({ limit: 1 }).publications).toEqual([publication])
  })

  it('says as JSON what it gives back, replaced or not, in the same order', () => {
    for (const id of ['1', '2', '3']) append(id, `${id} 🌊`)
    log.replace(2, { text: 'other' }, 5)
    for (const range of [{ limit: 3 }, { limit: 3, before: 4 }, { limit: 3 }]) {
      const { publications, texts: told } = log.read(range)
      expect(publications.map(({ metadata }) => metadata.offset)).toEqual([1, 2, 3])
      expect(told).toEqual(publications.map((publication) => JSON.stringify(publication)))
    }
  })

  it('shows the newest payload, also to those who read before it was replaced', () => {
    for (const id of ['1', '2', '3']) append(id, id)
    expect(texts()).toEqual(['1', '2', '3'])
    log.replace(2, { text: 'other' }, 5)
    expect(texts()).toEqual(['1', 'other', '3'])
    log.replace(2, { text: 'again' }, 5)
    expect(texts()).toEqual(['1', 'again', '3'])
  })

  it('gives an offset that comes later nothing of one that lay in its place', () => {
    for (let i = 1; i <= 16; i++) append(`${i}`, `${i}`)
    log.replace(1, { text: 'other' }, 5)
    expect(texts()[0]).toBe('other')
    log.dropOldest()
    append('17', '17')
    expect(texts()).toEqual(Array.from({ length: 16 }, (_, i) => `${i + 2}`))
  })

  it('holds what it holds when it grows, empties and shrinks', () => {
    for (let i = 1; i <= 200; i++) append(`${i}`, `${i}`, i)
    log.expire(191)
    expect(held.entries).toBe(10)
    for (let i = 0; i < 5; i++) log.shrink()
    expect(texts()).toEqual(Array.from({ length: 10 }, (_, i) => `${i + 191}`))
    log.expire(Infinity)
    expect(held.entries).toBe(0)
    log.shrink()
    expect(texts()).toEqual([])
    expect(append('next', 'next')).toBe(201)
    expect(texts()).toEqual(['next'])
  })

  it('has given everything back when it is empty, whatever was replaced', () => {
    for (let i = 1; i <= 20; i++) append(`${i}`, 'x'.repeat(5_000))
    const before = memory.used
    expect(before).toBeGreaterThan(100_000)
    log.replace(3, { text: 'longer' }, 50_000)
    log.replace(3, { text: 'shorter' }, 20_000)
    expect(memory.used).toBe(before + 20_000)
    for (let i = 1; i <= 10; i++) log.dropOldest()
    expect(memory.used).toBeLessThan(before)
    log.clear()
    expect([memory.used, held.entries, log.size]).toEqual([0, 0, 0])
    expect(append('21', 'next')).toBe(21)
    expect(texts()).toEqual(['next'])
  })
})
