import { describe, expect, it } from 'vitest'
import { hrefOf, placeOfHash, targetOfHash } from './places.ts'

describe('an address', () => {
  it.each([
    ['#/inbox', 'inbox', undefined],
    ['#/chat:general', 'chat:general', undefined],
    ['#/chat:general?at=42', 'chat:general', 42],
    ['#/dm:ada,bob?at=7', 'dm:ada,bob', 7],
    ['#/chat:general?at=-1', 'chat:general', undefined],
    ['#/chat:general?at=1.5', 'chat:general', undefined],
    ['#/chat:general?at=x', 'chat:general', undefined],
    ['#/nowhere?at=42', 'chat:general', 42],
    ['', 'chat:general', undefined],
  ])('%s leads to %s, message %s', (hash, place, at) => {
    expect([placeOfHash(hash), targetOfHash(hash)]).toEqual([place, at])
  })

  it('leads back to what it was made of', () => {
    const hash = hrefOf('chat:a/b', 12)
    expect([placeOfHash(hash), targetOfHash(hash)]).toEqual(['chat:a/b', 12])
  })
})
