import { FIRST_ROOM, isRoom } from './rooms.ts'

/** What fills the page: a room or a direct talk, by its channel, the inbox, or the feed. */
export type Place = 'inbox' | 'feed' | (string & {})

/** `at`: the offset of the message of a room that is to be shown. No name has a `?`. */
export function hrefOf(place: Place, at?: number): string {
  return at === undefined ? `#/${place}` : `#/${place}?at=${at}`
}

/** The place that a location names; the first room when it names none. */
export function placeOfHash(hash: string): Place {
  const [place = ''] = hash.slice('#/'.length).split('?')
  const isPlace = place === 'inbox' || place === 'feed' || isRoom(place)
  return hash.startsWith('#/') && isPlace ? place : FIRST_ROOM
}

/** The offset of the message that a location leads to. */
export function targetOfHash(hash: string): number | undefined {
  const at = Number(new URLSearchParams(hash.split('?')[1]).get('at'))
  return Number.isSafeInteger(at) && at > 0 ? at : undefined
}

export function go(place: Place, at?: number): void {
  location.hash = hrefOf(place, at)
}

/** The message was shown: the same link leads there again. */
export function forgetTarget(): void {
  history.replaceState(null, '', hrefOf(placeOfHash(location.hash)))
  dispatchEvent(new HashChangeEvent('hashchange'))
}
