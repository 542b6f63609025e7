import { FIRST_ROOM, isRoom } from './rooms.ts'

/** What fills the page: a room or a direct talk, by its channel, the inbox, or the feed. */
export type Place = 'inbox' | 'feed' | (string & {})

/** A message of a room: by its id, or by its offset where that is all that is known. */
export type Goal = { readonly id: string } | { readonly offset: number }

/** `goal`: the message of a room that is to be shown. No name has a `?`. */
export function hrefOf(place: Place, goal?: Goal): string {
  if (goal === undefined) return `#/${place}`
  const query = 'id' in goal ? { message: goal.id } : { at: `${goal.offset}` }
  return `#/${place}?${new URLSearchParams(query)}`
}

/** The place that a location names; the first room when it names none. */
export function placeOfHash(hash: string): Place {
  const [place = ''] = hash.slice('#/'.length).split('?')
  const isPlace = place === 'inbox' || place === 'feed' || isRoom(place)
  return hash.startsWith('#/') && isPlace ? place : FIRST_ROOM
}

/** The message that a location leads to. */
export function goalOfHash(hash: string): Goal | undefined {
  const query = new URLSearchParams(hash.split('?')[1])
  const id = query.get('message')
  if (id) return { id }
  const offset = Number(query.get('at'))
  return Number.isSafeInteger(offset) && offset > 0 ? { offset } : undefined
}

export function go(place: Place, goal?: Goal): void {
  location.hash = hrefOf(place, goal)
}

/** The message was shown: the same link leads there again. */
export function forgetGoal(): void {
  history.replaceState(null, '', hrefOf(placeOfHash(location.hash)))
  dispatchEvent(new HashChangeEvent('hashchange'))
}
