import { describe, expect, it } from 'vitest'
import { snippetOf } from './snippet.ts'

const marked = (content: string, query: string): string =>
  snippetOf(content, query)
    .map(({ text, isMatch }) => (isMatch ? `[${text}]` : text))
    .join('')

describe('what was found', () => {
  it.each([
    ['the tide is high', 'tide', 'the [tide] is high'],
    ['The Tide is high', 'tide hi', 'The [Tide] is [hi]gh'],
    ['contide is no word of it', 'tide', 'contide is no word of it'],
    ['a tidetable', 'tide tidetable', 'a [tidetable]'],
    ['über den Kai', 'ÜBER', '[über] den Kai'],
    ['two\n\nlines', 'lines', 'two [lines]'],
    ['<b>a</b>', '<b>', '<[b]>a</[b]>'],
    ['anything', '.*', 'anything'],
  ])('%j for %j', (content, query, shown) => {
    expect(marked(content, query)).toBe(shown)
  })

  it('begins shortly before the match in a long text, at a word', () => {
    const shown = marked(`${'wave '.repeat(100)}here ${'foam '.repeat(100)}`, 'here')
    expect(shown).toMatch(/^…wave (?:wave )+\[here\] foam/)
    expect(shown.length).toBeLessThan(320)
  })

  it('begins within a word that is longer than that', () => {
    expect(marked(`${'x'.repeat(200)} here`, 'here')).toBe(`…${'x'.repeat(29)} [here]`)
  })
})
