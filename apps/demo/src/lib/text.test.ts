import { describe, expect, it } from 'vitest'
import { isEmojiOnly, partsOf } from './text.ts'

const links = (content: string): string[] =>
  partsOf(content).flatMap((part) => (part.kind === 'link' ? [part.href] : []))

describe('the parts of a message', () => {
  it('are its text, to the last character', () => {
    for (const content of [
      '<b>not bold</b> & "quoted"',
      'see https://example.com/a?b=c#d, and `code`.'.replaceAll('`', ''),
      '  spaces\n\nand lines  ',
    ]) {
      const texts = partsOf(content).map(({ text }) => text)
      expect(texts.join('')).toBe(content)
    }
  })

  it.each([
    ['see https://example.com.', 'https://example.com'],
    ['(see https://example.com/a_(b).)', 'https://example.com/a_(b)'],
    ['http://example.com/?q=1&r=2, or not', 'http://example.com/?q=1&r=2'],
    ['write to mailto:ada@example.com!', 'mailto:ada@example.com'],
  ])('link %s', (content, href) => {
    expect(links(content)).toEqual([href])
  })

  it.each([
    'javascript:alert(1)',
    'data:text/html,hi',
    'file:///etc/passwd',
    'https://',
    'http:// x',
  ])('never link %s', (content) => {
    expect(links(content)).toEqual([])
  })

  it('keep what looks like a link inside of code', () => {
    expect(partsOf('run `curl https://example.com` twice')).toEqual([
      { kind: 'text', text: 'run ' },
      { kind: 'code', text: 'curl https://example.com' },
      { kind: 'text', text: ' twice' },
    ])
  })

  it('are blocks of code without the lines of their fences', () => {
    expect(partsOf('so:\n```\nlet a\n  = 1\n```\ndone')).toEqual([
      { kind: 'text', text: 'so:\n' },
      { kind: 'block', text: 'let a\n  = 1' },
      { kind: 'text', text: 'done' },
    ])
  })
})

describe('a message of nothing but emoji', () => {
  it.each(['🎉', '👍🏽 🚀', '👩‍👩‍👧‍👦', '🇫🇮', '❤️', '1️⃣'])('is %s', (content) => {
    expect(isEmojiOnly(content)).toBe(true)
  })

  it.each(['', '12', 'ok 👍', '*', '👍'.repeat(40)])('is not "%s"', (content) => {
    expect(isEmojiOnly(content)).toBe(false)
  })
})

describe('the mentions of a message', () => {
  const mentions = (content: string, users: string[]): string[] =>
    partsOf(content, users).flatMap((part) => (part.kind === 'mention' ? [part.user] : []))

  it.each([
    ['@ada, see', ['ada'], ['ada']],
    ['@ada-lovelace and @ada', ['ada', 'ada-lovelace'], ['ada-lovelace', 'ada']],
    ['@ada.b is not @adaxb', ['ada.b'], ['ada.b']],
    ['mail ada@example.com', ['example.com'], []],
    ['`@ada` in code', ['ada'], []],
    ['@nobody', ['ada'], []],
    ['@adam', ['ada'], []],
  ])('in "%s" for %j are %j', (content, users, found) => {
    expect(mentions(content, users)).toEqual(found)
  })

  it('leave the text as it is', () => {
    const content = 'hi @ada, and @bob (not @cleo)'
    const texts = partsOf(content, ['ada', 'bob']).map(({ text }) => text)
    expect(texts.join('')).toBe(content)
  })
})
