import { describe, expect, it } from 'vitest'
import { isPositions, readAll, type ReadMarks, seen, unreadOf } from './read-marks.ts'

const NONE: ReadMarks = { newest: {}, read: {} }
const at = (offset: number, epoch = 'e1') => ({ epoch, offset })

describe('read marks', () => {
  it('count nothing in a room that was never opened', () => {
    expect(unreadOf(seen(NONE, 'chat:a', at(90)), 'chat:a')).toBe(0)
  })

  it('count what came since', () => {
    const marks = seen(seen(NONE, 'chat:a', at(90)), 'chat:a', at(93))
    expect(unreadOf(marks, 'chat:a')).toBe(3)
    expect(unreadOf(readAll(marks, 'chat:a'), 'chat:a')).toBe(0)
  })

  it('count what came while the page was closed', () => {
    const marks = seen({ newest: {}, read: { 'chat:a': at(90) } }, 'chat:a', at(95))
    expect(unreadOf(marks, 'chat:a')).toBe(5)
  })

  it('never go back', () => {
    const marks = seen(NONE, 'chat:a', at(90))
    expect(seen(marks, 'chat:a', at(80))).toBe(marks)
  })

  it('start anew with the log', () => {
    const marks = seen(seen(NONE, 'chat:a', at(90)), 'chat:a', at(3, 'e2'))
    expect(unreadOf(marks, 'chat:a')).toBe(0)
  })

  it('are only taken from storage when they are marks', () => {
    expect(isPositions({ 'chat:a': at(1) })).toBe(true)
    for (const other of [null, 'x', { 'chat:a': 1 }]) expect(isPositions(other)).toBe(false)
  })
})
