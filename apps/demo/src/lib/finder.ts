import { directOf, labelOf, MAX_ROOMS, roomOf } from './rooms.ts'

export interface Choice {
  /** The channel of a room or of a direct talk. */
  readonly room: string
  /** It is not among the rooms yet. */
  readonly isNew: boolean
}

export interface Choices {
  readonly choices: readonly Choice[]
  /** The choice that Enter takes; -1 for none. */
  readonly preferred: number
  /** A new room would have this name, but there is no place for one. */
  readonly isFull: boolean
}

const PREFIX = 1
const NO_MATCH = 3

/**
 * The rooms and people that a text finds: of that name, then beginning with it, then containing it; last a new room of
 * that name. A room that only contains the text is not what somebody meant who typed the name of a new one.
 */
export function choicesOf(
  rooms: readonly string[],
  text: string,
  viewer: string,
  people: readonly string[] = [],
): Choices {
  const typed = text.trim().replace(/^[#@]/, '').toLowerCase()
  if (typed === '') {
    return { choices: rooms.map((room) => ({ room, isNew: false })), preferred: -1, isFull: false }
  }
  const wanted = text.trim().startsWith('@') ? undefined : roomOf(text)
  const made = wanted === undefined ? typed : labelOf(wanted)
  const talks = people.map((user) => directOf(viewer, user)).filter((talk) => !rooms.includes(talk))
  const found = [...rooms, ...talks]
    .map((room) => ({
      room,
      isNew: !rooms.includes(room),
      rank: Math.min(rankOf(room, typed, viewer), rankOf(room, made, viewer)),
    }))
    .filter(({ rank }) => rank < NO_MATCH)
    .toSorted((a, b) => a.rank - b.rank)
  const isNew = wanted !== undefined && !rooms.includes(wanted)
  const isFull = isNew && rooms.length >= MAX_ROOMS
  const choices: Choice[] = found.map(({ room, isNew: isNewTalk }) => ({ room, isNew: isNewTalk }))
  if (isNew && !isFull) choices.push({ room: wanted, isNew })
  const best = found[0]?.rank ?? NO_MATCH
  // Without a match by its beginning the new room, where there is place for one.
  const preferred = best <= PREFIX || !isNew || isFull ? 0 : choices.length - 1
  return { choices, preferred: Math.min(preferred, choices.length - 1), isFull }
}

/** 0 for the name itself, 1 for a beginning, 2 for a part of it. */
function rankOf(room: string, text: string, viewer: string): number {
  const label = labelOf(room, viewer).toLowerCase()
  if (label === text) return 0
  if (label.startsWith(text)) return PREFIX
  return label.includes(text) ? 2 : NO_MATCH
}
