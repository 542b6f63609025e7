import { describe, expect, it } from 'vitest'
import { labelOf, roomOf, roomOfHash } from './rooms.ts'
import { dayName, dayOf } from './time.ts'
import { hueOf, initialsOf, userIdOf } from './user.ts'

describe('a user id', () => {
  it.each([
    ['Ada Lovelace', 'Ada-Lovelace'],
    ['  Zoë Ærø ', 'Zoe-Aero'],
    ['ada_1.x-y', 'ada_1.x-y'],
    ['<script>', 'script'],
    ['ليلى', ''],
    ['a'.repeat(100), 'a'.repeat(40)],
  ])('of "%s" is "%s"', (name, id) => {
    expect(userIdOf(name)).toBe(id)
  })

  it('has the same hue everywhere, and ten are in use', () => {
    expect(hueOf('ada')).toBe(hueOf('ada'))
    const hues = Array.from({ length: 200 }, (_, index) => hueOf(`user${index}`))
    expect(new Set(hues)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
  })

  it.each([
    ['ada-lovelace', 'AL'],
    ['grace', 'GR'],
    ['x', 'X'],
    ['...', ''],
  ])('%s has the initials %s', (user, initials) => {
    expect(initialsOf(user)).toBe(initials)
  })
})

describe('a room', () => {
  it.each([
    ['New Room', 'chat:new-room'],
    ['#café', 'chat:cafe'],
    ['  ', undefined],
    ['!!!', undefined],
  ])('typed as "%s" is %s', (text, room) => {
    expect(roomOf(text)).toBe(room)
  })

  it.each([
    ['#/chat:design', 'chat:design'],
    ['#/live:ticks', 'live:ticks'],
    ['', 'chat:general'],
    ['#/no room', 'chat:general'],
    [`#/${'n'.repeat(32)}:${'r'.repeat(200)}`, `${'n'.repeat(32)}:${'r'.repeat(200)}`],
    [`#/${'n'.repeat(33)}:r`, 'chat:general'],
    [`#/chat:${'r'.repeat(201)}`, 'chat:general'],
  ])('in the address %s is %s', (hash, room) => {
    expect(roomOfHash(hash)).toBe(room)
  })

  it('goes by its own name, and keeps the namespace that is not chat', () => {
    expect([labelOf('chat:design'), labelOf('live:ticks')]).toEqual(['design', 'live:ticks'])
  })
})

describe('the name of a day', () => {
  const now = new Date(2026, 10, 20, 9, 30).getTime()
  it.each([
    [new Date(2026, 10, 20), 'Today'],
    [new Date(2026, 10, 19), 'Yesterday'],
    [new Date(2026, 10, 18), 'Wednesday, November 18'],
    [new Date(2025, 10, 20), 'November 20, 2025'],
  ])('of %s is %s', (date, name) => {
    expect(dayName(dayOf(date.getTime()), now)).toBe(name)
  })
})
