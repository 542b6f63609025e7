/** A piece of what was found; `isMatch`: it is what was searched for. */
export interface Piece {
  readonly text: string
  readonly isMatch: boolean
}

const BEFORE = 30
const FAR = 80
const MOST = 300

/** A found text in a few lines, from shortly before its first match, with the words of the query marked. */
export function snippetOf(content: string, query: string): Piece[] {
  const words = query.match(/[\p{L}\p{N}]+/gu) ?? []
  const line = content.replace(/\s+/g, ' ').trim()
  if (words.length === 0) return [{ text: line.slice(0, MOST), isMatch: false }]
  const longestFirst = words.toSorted((a, b) => b.length - a.length)
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${longestFirst.join('|')})`, 'giu')
  const first = line.search(pattern)
  const start = first > FAR ? startBefore(line, first) : 0
  const text = (start > 0 ? '…' : '') + line.slice(start, start + MOST)
  const pieces: Piece[] = []
  let end = 0
  for (const { 0: match, index } of text.matchAll(pattern)) {
    if (index > end) pieces.push({ text: text.slice(end, index), isMatch: false })
    pieces.push({ text: match, isMatch: true })
    end = index + match.length
  }
  if (end < text.length) pieces.push({ text: text.slice(end), isMatch: false })
  return pieces
}

/** At a word, unless the words there are very long. */
function startBefore(line: string, match: number): number {
  const word = line.indexOf(' ', match - BEFORE) + 1
  return word > 0 && word < match ? word : match - BEFORE
}
