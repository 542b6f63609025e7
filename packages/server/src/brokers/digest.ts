/**
 * A number that two publications share when their type and body (their payload as JSON) are the same, and nearly never otherwise
 * (FNV-1a, cut to the 30 bits that need no allocation).
 */
export function digestOf(type: string, body: string): number {
  return fold(fold(0x811c9dc5, type), body) & 0x3fffffff
}

function fold(hash: number, text: string): number {
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return Math.imul(hash ^ 0xffff, 0x01000193)
}
