import { FIRST_ROOM, isRoom } from './rooms.ts'

/** What fills the page: a room or a direct talk, by its channel, the inbox, or the feed. */
export type Place = 'inbox' | 'feed' | (string & {})

export function hrefOf(place: Place): string {
  return `#/${place}`
}

/** The place that a location names; the first room when it names none. */
export function placeOfHash(hash: string): Place {
  const place = hash.slice('#/'.length)
  const isPlace = place === 'inbox' || place === 'feed' || isRoom(place)
  return hash.startsWith('#/') && isPlace ? place : FIRST_ROOM
}

export function go(place: Place): void {
  location.hash = hrefOf(place)
}
