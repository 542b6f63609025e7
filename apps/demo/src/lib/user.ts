const MAX_LENGTH = 40

// Letters that are no combination of a letter and a mark.
const LETTERS: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  Æ: 'Ae',
  œ: 'oe',
  Œ: 'Oe',
  ø: 'o',
  Ø: 'O',
  ł: 'l',
  Ł: 'L',
  đ: 'd',
  Đ: 'D',
}

/** The user id that a name stands for: `Ada Lovelace` is `Ada-Lovelace`, `Zoë` is `Zoe`. Empty if nothing is left. */
export function userIdOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/\p{Letter}/gu, (letter) => LETTERS[letter] ?? letter)
    .trim()
    .replace(/\s+/g, '-')
    .replace(/[^A-Za-z0-9_.-]/g, '')
    .slice(0, MAX_LENGTH)
}

/** One of ten hues, the same for the same user everywhere. */
export function hueOf(user: string): number {
  // FNV-1a, 32 bits.
  let hash = 0x811c9dc5
  for (const character of user) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  return (hash >>> 0) % 10
}

/** At most two letters: `ada-lovelace` is `AL`, `grace` is `GR`. */
export function initialsOf(user: string): string {
  const [first = '', second] = user.split(/[-_.]+/).filter(Boolean)
  return (second ? first.slice(0, 1) + second.slice(0, 1) : first.slice(0, 2)).toUpperCase()
}
