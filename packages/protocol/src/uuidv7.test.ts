import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { uuidv7 } from './uuidv7.ts'

const FORMAT = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const noise = (bytes: Uint8Array): void => {
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = (i * 197 + 11) & 0xff
}
const millisecondsOf = (id: string): number => parseInt(id.replace('-', '').slice(0, 12), 16)

describe('uuidv7', () => {
  it('begins with the time of the clock', () => {
    const at = Date.UTC(2026, 10, 20, 12)
    const id = uuidv7(() => at, noise)()
    expect(id).toMatch(FORMAT)
    expect(millisecondsOf(id)).toBe(at)
  })

  it('ascends, whichever way the clock steps', () => {
    const times = fc.array(fc.nat({ max: 2 ** 48 - 2 }), { minLength: 2, maxLength: 50 })
    fc.assert(
      fc.property(times, (clock) => {
        const ticks = clock.values()
        const next = uuidv7(() => ticks.next().value ?? 0, noise)
        const ids = clock.map(() => next())
        expect(ids.every((id) => FORMAT.test(id))).toBe(true)
        expect(ids).toEqual([...new Set(ids)].toSorted())
      }),
    )
  })

  it('ascends beyond 4,096 ids of one millisecond', () => {
    const next = uuidv7(() => 1_000, noise)
    const ids = Array.from({ length: 10_000 }, () => next())
    expect(ids).toEqual([...new Set(ids)].toSorted())
    expect(millisecondsOf(ids.at(-1) ?? '')).toBe(1_002)
  })

  it('puts all bits of the random source but six into the id', () => {
    const next = uuidv7(
      () => 0,
      (bytes) => bytes.fill(0xff),
    )
    expect(next()).toBe('00000000-0000-7001-bfff-ffffffffffff')
  })
})
