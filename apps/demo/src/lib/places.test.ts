import { describe, expect, it } from 'vitest'
import { hrefOf, placeOfHash, goalOfHash } from './places.ts'

describe('an address', () => {
  it.each([
    ['#/inbox', 'inbox', undefined],
    ['#/chat:general', 'chat:general', undefined],
    ['#/chat:general?at=42', 'chat:general', { offset: 42 }],
    ['#/dm:ada,bob?at=7', 'dm:ada,bob', { offset: 7 }],
    ['#/chat:general?message=a%20b', 'chat:general', { id: 'a b' }],
    ['#/chat:general?at=-1', 'chat:general', undefined],
    ['#/chat:general?at=1.5', 'chat:general', undefined],
    ['#/chat:general?at=x', 'chat:general', undefined],
    ['#/nowhere?at=42', 'chat:general', { offset: 42 }],
    ['', 'chat:general', undefined],
  ])('%s leads to %s, message %j', (hash, place, goal) => {
    expect([placeOfHash(hash), goalOfHash(hash)]).toEqual([place, goal])
  })

  it.each([{ offset: 12 }, { id: 'a&b=c?' }])('leads back to %j', (goal) => {
    const hash = hrefOf('chat:a/b', goal)
    expect([placeOfHash(hash), goalOfHash(hash)]).toEqual(['chat:a/b', goal])
  })
})
