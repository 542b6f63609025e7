import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { digestOf } from './digest.ts'

const digest = (type: string, payload: Record<string, string>): number => {
  const text = JSON.stringify({ type, payload })
  return digestOf(text, text.length)
}

it('is the same for the same type and payload', () => {
  expect(digest('a', { text: 'x' })).toBe(digest('a', { text: 'x' }))
})

it('tells type and payload apart', () => {
  expect(digest('a', { text: 'x' })).not.toBe(digest('b', { text: 'x' }))
  expect(digest('a', { text: 'x' })).not.toBe(digest('a', { text: 'y' }))
  expect(digest('a', {})).not.toBe(digest('a{}', {}))
})

it('differs for payloads that differ in one place', () => {
  const property = fc.property(fc.string({ minLength: 1 }), fc.nat(), (text, at) => {
    const i = at % text.length
    const other = text.slice(0, i) + (text[i] === 'x' ? 'y' : 'x') + text.slice(i + 1)
    return other === text || digest('a', { text }) !== digest('a', { text: other })
  })
  expect(() => fc.assert(property)).not.toThrow()
})
