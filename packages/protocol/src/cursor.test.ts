import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyChannel } from '../testing/arbitraries.ts'
import { outcome, refusal } from '../testing/outcome.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { ProtocolError } from './errors.ts'
import type { Position } from './position.ts'

const anyPositions = fc
  .uniqueArray(
    fc.tuple(
      anyChannel,
      fc.record<Position>(
        { epoch: fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/), offset: fc.maxSafeNat() },
        { noNullPrototype: true },
      ),
    ),
    { selector: ([channel]) => channel, maxLength: 20 },
  )
  .map((entries) => new Map(entries))

const LIFE = '0190f5d2-6c1b-7a3e-9d4f-1b2c3d4e5f60'

describe('a cursor', () => {
  it('gives back the positions that it was made of', () => {
    fc.assert(
      fc.property(anyPositions, (positions) => {
        expect([...decodeCursor(encodeCursor(positions))]).toEqual([...positions])
      }),
      { numRuns: 1000 },
    )
  })

  it('of 128 channels with the longest names of rooms in use, and one epoch, fits into a header', () => {
    for (const epochOf of [() => LIFE, (n: number) => `${LIFE}.${n.toString(36)}`]) {
      const positions = Array.from({ length: 128 }, (_, n): [string, Position] => [
        `chat:${LIFE.slice(0, -3)}${100 + n}`,
        { epoch: epochOf(n), offset: 1_000_000 + n },
      ])
      const cursor = encodeCursor(positions)
      expect(cursor.length).toBeLessThan(7 * 1024)
      expect([...decodeCursor(cursor)]).toEqual(positions)
    }
  })

  it('that repeats the epochs is read, too', () => {
    const positions = decodeCursor('1~chat:a~e.1~2~chat:b~e.1~3')
    expect(encodeCursor(positions)).toBe('1~chat:a~e.1~2~chat:b~*.1~3')
  })

  it('is printable ASCII that needs no escaping in a header or an SSE field', () => {
    fc.assert(
      fc.property(anyPositions, (positions) => {
        expect(encodeCursor(positions)).toMatch(/^[!-~]+$/)
      }),
    )
  })

  it.each<[what: string, cursor: string]>([
    ['nothing', ''],
    ['another version', '2~chat:a~e~1'],
    ['half a position', '1~chat:a~e'],
    ['a bad channel name', '1~Chat:a~e~1'],
    ['an empty epoch', '1~chat:a~~1'],
    ['the rest of no epoch', '1~chat:a~*~1'],
    ['an epoch with the rest of another in it', '1~chat:a~e~1~chat:b~f*~1'],
    ['an epoch of 65 characters', `1~chat:a~${'e'.repeat(65)}~1`],
    ['a negative offset', '1~chat:a~e~-1'],
    ['an offset with a leading zero', '1~chat:a~e~01'],
    ['an offset beyond 2^53', '1~chat:a~e~9007199254740992'],
    ['an offset that is not a number', '1~chat:a~e~NaN'],
    ['the same channel twice', '1~chat:a~e~1~chat:a~e~2'],
    ['a trailing separator', '1~chat:a~e~1~'],
    ['64 KiB and more', `1${'~chat:a~e~1'.repeat(6000)}`],
  ])('refuses %s', (_, cursor) => {
    expect(refusal(() => decodeCursor(cursor))).toMatch(
      /^bad_envelope: The cursor cannot be read\. Start again without one/,
    )
  })

  it('is read or refused, whatever comes, and never anything else', () => {
    const nearly = fc
      .array(fc.constantFrom('1', '~', 'chat:a', 'e', '0', '7', 'é'), { maxLength: 12 })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), nearly), (cursor) => {
        const again = outcome(() => encodeCursor(decodeCursor(cursor)))
        expect(again instanceof ProtocolError ? 'refused' : again).toBeOneOf([cursor, 'refused'])
      }),
      { numRuns: 5000 },
    )
  })
})
