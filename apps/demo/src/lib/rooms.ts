export const DEFAULT_ROOMS = ['chat:general', 'chat:design', 'chat:random']

/** More would use up the subscriptions of a connection. */
export const MAX_ROOMS = 40

const ROOM = /^[a-z][a-z0-9-]{0,31}:[A-Za-z0-9_.,=@/:-]{1,200}$/

/** Whether it is the name of a channel. */
export const isRoom = (value: unknown): value is string =>
  typeof value === 'string' && ROOM.test(value)

/** What people call it: `chat:general` is `general`; other namespaces keep theirs. */
export function labelOf(room: string): string {
  return room.startsWith('chat:') ? room.slice('chat:'.length) : room
}

/** The room that a typed name stands for: `New Room` is `chat:new-room`. Undefined if nothing is left of it. */
export function roomOf(text: string): string | undefined {
  const name = text
    .normalize('NFKD')
    .toLowerCase()
    .trim()
    .replace(/^[#\s]+/, '')
    .replace(/\s+/g, '-')
    .replace(/[^a-z0-9_.-]/g, '')
    .slice(0, 60)
  return name ? `chat:${name}` : undefined
}

export function hrefOf(room: string): string {
  return `#/${room}`
}

/** The room that a location names; the first one when it names none. */
export function roomOfHash(hash: string): string {
  const room = hash.slice('#/'.length)
  return hash.startsWith('#/') && isRoom(room) ? room : 'chat:general'
}
