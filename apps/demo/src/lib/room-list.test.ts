import { describe, expect, it } from 'vitest'
import { FIRST_LIST, isRoomList, type RoomList, withoutRoom, withRooms } from './room-list.ts'
import { MAX_ROOMS } from './rooms.ts'

const none = { unread: 0 }
const some = { unread: 2 }
const list: RoomList = { names: ['chat:general'], hidden: [] }

describe('the rooms of the rail', () => {
  it('are joined by the one that is open and by those that the server knows', () => {
    const joined = withRooms(list, { 'chat:design': none, 'dm:ada,bob': some }, 'chat:new')
    expect(joined.names).toEqual(['chat:general', 'chat:design', 'dm:ada,bob', 'chat:new'])
  })

  it('are the same list when nothing is new', () => {
    expect(withRooms(list, { 'chat:general': some }, 'chat:general')).toBe(list)
    expect(withRooms(list, {}, undefined)).toBe(list)
  })

  it('stay away when they were taken out, until they are opened', () => {
    const without = withoutRoom(withRooms(list, {}, 'chat:design'), 'chat:design')
    expect(without.names).toEqual(['chat:general'])
    expect(withRooms(without, { 'chat:design': some }, 'chat:general')).toBe(without)
    const opened = withRooms(without, {}, 'chat:design')
    expect(opened).toEqual({ names: ['chat:general', 'chat:design'], hidden: [] })
  })

  it('have a hidden direct talk again when somebody writes there', () => {
    const without = withoutRoom(withRooms(list, {}, 'dm:ada,bob'), 'dm:ada,bob')
    expect(withRooms(without, { 'dm:ada,bob': none }, undefined)).toBe(without)
    expect(withRooms(without, { 'dm:ada,bob': some }, undefined).names).toContain('dm:ada,bob')
  })

  it('are no more than a connection can hold, and the one that is open is among them', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`chat:r${i}`, none]))
    const { names } = withRooms(list, many, 'chat:open')
    expect(names).toHaveLength(MAX_ROOMS)
    expect(names).toContain('chat:open')
  })

  it('are only recalled as what they are', () => {
    expect([FIRST_LIST, { names: [], hidden: [] }, ['chat:general'], null].map(isRoomList)).toEqual(
      [true, false, false, false],
    )
  })
})
