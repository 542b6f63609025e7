import type { JsonObject } from '@tidewire/protocol'

/** A payload of about `bytes` that says `value`, in a way that shows when any of it was changed. */
export function bodyOf(value: string, bytes: number): JsonObject {
  return { value, filler: fillerOf(value, bytes) }
}

/** What the payload says. A damaged one says something that nobody sent. */
export function valueOf({ value, filler }: JsonObject): string {
  if (typeof value !== 'string' || typeof filler !== 'string') return `damaged: ${typeof value}`
  return filler === fillerOf(value, filler.length) ? value : `damaged: ${value}`
}

function fillerOf(value: string, length: number): string {
  return `${value};`.repeat(Math.ceil(length / (value.length + 1))).slice(0, length)
}
