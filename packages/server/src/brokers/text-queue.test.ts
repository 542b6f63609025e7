import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SpareChunks, TextQueue } from './text-queue.ts'

interface Kept {
  text: string
  place: number
  bytes: number
}

function push(queue: TextQueue, text: string): Kept {
  const place = queue.push(text)
  return { text, place, bytes: queue.end - place }
}

const text = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ minLength: 1, unit: 'grapheme' }),
    // Around the size of a chunk, of one to four bytes a character.
    fc
      .tuple(fc.constantFrom('x', 'é', '水', '🌊'), fc.integer({ min: 500, max: 20_000 }))
      .map(([character, count]) => character.repeat(count)),
  )

describe('a queue of texts', () => {
  it('gives back each of them until it is dropped, whatever they are', () => {
    const spares = new SpareChunks()
    const acts = fc.array(fc.oneof(text(), fc.integer({ min: 1, max: 5 })), { maxLength: 60 })
    const property = fc.property(acts, (played) => {
      const queue = new TextQueue(spares)
      let kept: Kept[] = []
      for (const act of played) {
        if (typeof act === 'string') kept.push(push(queue, act))
        else {
          kept = kept.slice(act)
          if (kept[0] === undefined) queue.clear()
          else queue.dropBefore(kept[0].place)
        }
        expect(kept.map(({ place, bytes }) => queue.read(place, bytes))).toEqual(
          kept.map((one) => one.text),
        )
      }
      queue.clear()
    })
    expect(() => fc.assert(property)).not.toThrow()
  })

  it('leaves nothing of what is erased, and all of what lies beside it', () => {
    const queue = new TextQueue(new SpareChunks())
    const [before, secret, behind] = ['before', 'secret 🌊', 'behind'].map((one) =>
      push(queue, one),
    )
    queue.erase(secret!.place, secret!.bytes)
    expect(queue.read(secret!.place, secret!.bytes)).toBe('\0'.repeat(secret!.bytes))
    expect(queue.read(before!.place, before!.bytes)).toBe('before')
    expect(queue.read(behind!.place, behind!.bytes)).toBe('behind')
  })

  it('takes the chunks again that another let go', () => {
    const spares = new SpareChunks()
    const chunk = Buffer.alloc(16 * 1024)
    spares.give(chunk)
    const queue = new TextQueue(spares)
    for (const size of [1_024, 2_048, 4_096, 8_192]) queue.push('x'.repeat(size))
    queue.push('found again')
    expect(chunk.toString('latin1', 0, 11)).toBe('found again')
  })
})
