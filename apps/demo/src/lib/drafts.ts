const keyOf = (place: string): string => `tidewire.draft.${place}`

/** What was written in a room or a thread and not sent, in this tab. */
export function draftOf(place: string): string {
  try {
    return sessionStorage.getItem(keyOf(place)) ?? ''
  } catch {
    return ''
  }
}

export function keepDraft(place: string, text: string): void {
  try {
    if (text === '') sessionStorage.removeItem(keyOf(place))
    else sessionStorage.setItem(keyOf(place), text)
  } catch {
    // Storage is full or blocked: the draft lives as long as the room is open.
  }
}
