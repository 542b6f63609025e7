/**
 * A number that two texts share when their first `length` characters are the same, and nearly never otherwise (FNV-1a,
 * cut to the 30 bits that need no allocation).
 */
export function digestOf(text: string, length: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash & 0x3fffffff
}
