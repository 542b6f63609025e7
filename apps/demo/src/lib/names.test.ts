import { describe, expect, it } from 'vitest'
import { placeOfHash } from './places.ts'
import { directOf, isRoom, labelOf, nameOf, otherOf, roomOf } from './rooms.ts'
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
    ['#/dm:ada,bob', 'dm:ada,bob'],
    ['#/dm:bob,ada', 'chat:general'],
    ['#/inbox', 'inbox'],
    ['#/feed', 'feed'],
    ['#/live:ticks', 'chat:general'],
    ['', 'chat:general'],
    ['#/no room', 'chat:general'],
    [`#/chat:${'r'.repeat(200)}`, `chat:${'r'.repeat(200)}`],
    [`#/chat:${'r'.repeat(201)}`, 'chat:general'],
  ])('in the address %s is %s', (hash, place) => {
    expect(placeOfHash(hash)).toBe(place)
  })

  it('goes by its own name', () => {
    expect([labelOf('chat:design'), nameOf('chat:design')]).toEqual(['design', 'design'])
  })
})

describe('a direct talk', () => {
  it('is one for two users, whoever begins it', () => {
    expect(directOf('bob', 'ada')).toBe('dm:ada,bob')
    expect(directOf('ada', 'bob')).toBe('dm:ada,bob')
  })

  it('goes by the other one', () => {
    expect(labelOf('dm:ada,bob', 'ada')).toBe('bob')
    expect(labelOf('dm:ada,bob', 'bob')).toBe('ada')
    expect(nameOf('dm:ada,bob')).toBe('dm:ada,bob')
    expect(otherOf('chat:general', 'ada')).toBeUndefined()
  })

  it('is of two', () => {
    expect(['dm:ada', 'dm:ada,ada', 'dm:a,b,c', 'dm:,'].map(isRoom)).toEqual([
      false,
      false,
      false,
      false,
    ])
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
