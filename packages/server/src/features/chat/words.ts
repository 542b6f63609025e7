/** Of one search. */
const MAX_WORDS = 10
/** Characters of a word that count. */
const MAX_LENGTH = 64

/** Scripts that put no blanks between words: each character is a word. */
const UNSPACED =
  '[\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}]'
const WORD = new RegExp(`${UNSPACED}|(?:(?!${UNSPACED})[\\p{L}\\p{N}\\p{M}])+`, 'gu')
/** What stands above and below letters, where these are written apart. */
const ACCENTS = /[\u0300-\u036f]/g

/** The different words of a text, as they are searched for: without case and accents. */
export function wordsIn(text: string): string[] {
  const plain = text.normalize('NFKD').replace(ACCENTS, '').toLowerCase()
  return [...new Set(plain.match(WORD)?.map((word) => word.slice(0, MAX_LENGTH)))]
}

/**
 * What finds the messages of a channel with all the words, as FTS5 asks for it. The last one may be the beginning of a
 * word. Quoted, so that nothing in them is syntax.
 */
export function matching(channel: number, words: readonly string[]): string {
  const quoted = words.slice(0, MAX_WORDS).map((word) => `"${word}"`)
  return `{room} : "c${channel}" AND {words} : (${quoted.join(' AND ')} *)`
}
