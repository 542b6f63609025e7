import type { RoomSnapshot } from '@tidewire/client/chat'
import { useMemo } from 'react'
import { useRoomStore } from './use-room-store.ts'

export interface UseTypingResult {
  /** Others who type now, ascending. */
  typing: readonly string[]
  /** To be called for every key: it is told every 2 s at most, and ends by itself. */
  startTyping: () => void
  /** `send` does it, too. */
  stopTyping: () => void
}

const typingOf = ({ typing }: RoomSnapshot): readonly string[] => typing

/** Who types in a room, and that one types oneself. Is in the room as `useRoom`; without a name it does nothing. */
export function useTyping(name: string | null): UseTypingResult {
  const [typing, store] = useRoomStore(name, typingOf)
  const actions = useMemo(
    () => ({
      startTyping: () => store?.room.startTyping(),
      stopTyping: () => store?.room.stopTyping(),
    }),
    [store],
  )
  return { typing, ...actions }
}
