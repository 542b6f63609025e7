const DIRECT = /^dm:[^:,]+,[^:,]+$/

/** The channel of the direct talk of two users. */
export function directChannel(one: string, other: string): string {
  return `dm:${[one, other].sort().join(',')}`
}

/** Whether a room is a direct talk: it is named by its channel. */
export function isDirect(name: string): boolean {
  return DIRECT.test(name)
}
