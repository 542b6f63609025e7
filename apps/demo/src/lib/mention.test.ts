import { describe, expect, it } from 'vitest'
import { completed, matching, mentionAt } from './mention.ts'

describe('a mention that is being written', () => {
  it.each([
    ['hi @a', 5, { from: 3, prefix: 'a' }],
    ['@', 1, { from: 0, prefix: '' }],
    ['(@ada', 5, { from: 1, prefix: 'ada' }],
    ['hi @ada there', 7, { from: 3, prefix: 'ada' }],
    ['ada@example.com', 15, undefined],
    ['hi @ada ', 8, undefined],
    ['nothing', 7, undefined],
  ])('of "%s" at %i', (text, caret, started) => {
    expect(mentionAt(text, caret)).toEqual(started)
  })

  it('finds names that begin so before those of which a part does', () => {
    const people = ['grace', 'Ada-Lovelace', 'lou', 'x-ray']
    expect(matching(people, 'l')).toEqual(['lou', 'Ada-Lovelace'])
    expect(matching(people, 'ADA')).toEqual(['Ada-Lovelace'])
    expect(matching(people, '')).toEqual(people)
    expect(matching(people, 'zz')).toEqual([])
  })

  it('is written out with a space behind it, and the caret behind that', () => {
    expect(completed('hi @a', 5, { from: 3, prefix: 'a' }, 'ada')).toEqual({
      text: 'hi @ada ',
      caret: 8,
    })
    expect(completed('hi @a, you', 5, { from: 3, prefix: 'a' }, 'ada')).toEqual({
      text: 'hi @ada , you',
      caret: 8,
    })
    expect(completed('hi @a you', 5, { from: 3, prefix: 'a' }, 'ada')).toEqual({
      text: 'hi @ada you',
      caret: 8,
    })
  })
})
