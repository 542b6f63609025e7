export const FIRST_ROOM = 'chat:general'
export const DEFAULT_ROOMS = [FIRST_ROOM, 'chat:design', 'chat:random']

/** More would use up the subscriptions of a connection. */
export const MAX_ROOMS = 40

const ROOM = /^chat:[A-Za-z0-9_.,=@/:-]{1,200}$/
const DIRECT = /^dm:([A-Za-z0-9_.@-]{1,128}),([A-Za-z0-9_.@-]{1,128})$/

/** Whether it is the channel of a room or of a direct talk. */
export const isRoom = (value: unknown): value is string =>
  typeof value === 'string' && (ROOM.test(value) || isDirect(value))

/** The two users of a direct talk are sorted: two users have one. */
export function isDirect(channel: string): boolean {
  const [, one, other] = DIRECT.exec(channel) ?? []
  return one !== undefined && other !== undefined && one < other
}

/** The channel of the direct talk of two users. */
export function directOf(user: string, other: string): string {
  return `dm:${[user, other].toSorted().join(',')}`
}

/** Whom `viewer` talks to there; undefined in a room. */
export function otherOf(channel: string, viewer: string): string | undefined {
  const [, one, other] = DIRECT.exec(channel) ?? []
  return one === viewer ? other : one
}

/** What the hooks call it: a room by its name, a direct talk by its channel. */
export function nameOf(channel: string): string {
  return channel.startsWith('chat:') ? channel.slice('chat:'.length) : channel
}

/** What people call it: `chat:general` is `general`, a direct talk goes by the other one. */
export function labelOf(channel: string, viewer = ''): string {
  return otherOf(channel, viewer) ?? nameOf(channel)
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
