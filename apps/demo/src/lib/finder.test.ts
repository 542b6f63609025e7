import { describe, expect, it } from 'vitest'
import { choicesOf } from './finder.ts'

const ROOMS = ['chat:my-general', 'chat:general', 'chat:design', 'chat:gen-z', 'dm:ada,lin']

describe('finding a room', () => {
  const find = (
    text: string,
    rooms = ROOMS,
    people: string[] = [],
  ): [string[], string | undefined] => {
    const { choices, preferred } = choicesOf(rooms, text, 'ada', people)
    const name = (index: number): string | undefined => {
      const choice = choices[index]
      return choice && `${choice.isNew ? '+' : ''}${choice.room}`
    }
    return [choices.map((_, index) => name(index) ?? ''), name(preferred)]
  }

  it('shows all rooms and prefers none before anything is typed', () => {
    expect(find('')).toEqual([ROOMS, undefined])
  })

  it('prefers the exact name', () => {
    expect(find('general')).toEqual([['chat:general', 'chat:my-general'], 'chat:general'])
    expect(find(' #General ')[1]).toBe('chat:general')
  })

  it('then a beginning, with a new room of that name last', () => {
    expect(find('gen')).toEqual([
      ['chat:general', 'chat:gen-z', 'chat:my-general', '+chat:gen'],
      'chat:general',
    ])
  })

  it('finds direct talks by the other one, and people that nobody talked to yet', () => {
    expect(find('lin')).toEqual([['dm:ada,lin', '+chat:lin'], 'dm:ada,lin'])
    expect(find('@bo', ROOMS, ['bob', 'lin'])).toEqual([['+dm:ada,bob'], '+dm:ada,bob'])
    expect(find('ada')[0]).toEqual(['+chat:ada'])
  })

  it('opens a new room when its name only stands inside of another', () => {
    expect(find('sign')).toEqual([['chat:design', '+chat:sign'], '+chat:sign'])
  })

  it('finds a name as it would be made', () => {
    expect(find('gen z')[1]).toBe('chat:gen-z')
  })

  it('falls back to what contains the text when there is no place for a new room', () => {
    const many = Array.from({ length: 40 }, (_, index) => `chat:room-${index}x`)
    expect(find('39x', many)).toEqual([['chat:room-39x'], 'chat:room-39x'])
  })
})
