const keyOf = (room: string): string => `tidewire.draft.${room}`

/** What was written in a room and not sent, in this tab. */
export function draftOf(room: string): string {
  try {
    return sessionStorage.getItem(keyOf(room)) ?? ''
  } catch {
    return ''
  }
}

export function keepDraft(room: string, text: string): void {
  try {
    if (text === '') sessionStorage.removeItem(keyOf(room))
    else sessionStorage.setItem(keyOf(room), text)
  } catch {
    // Storage is full or blocked: the draft lives as long as the room is open.
  }
}
