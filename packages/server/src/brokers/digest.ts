import type { Publication } from '@tidewire/protocol'

/**
 * A number that two publications share when their type and payload are the same text, and nearly never otherwise
 * (FNV-1a, cut to the 30 bits that need no allocation).
 */
export function digestOf({ type, payload }: Publication): number {
  return fold(fold(0x811c9dc5, type), JSON.stringify(payload)) & 0x3fffffff
}

function fold(hash: number, text: string): number {
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return Math.imul(hash ^ 0xffff, 0x01000193)
}
