import type { RoomSnapshot } from '@tidewire/client/chat'
import { useCallback } from 'react'
import { useRoomStore } from './use-room-store.ts'

export interface UseReceiptsResult {
  /** User → the offset that they have read to. */
  receipts: Readonly<Record<string, number>>
  /** The offset that this user has read to. */
  lastRead: number
  /** This user has read to there; by default to the newest message. Only ever moves forward. */
  markRead: (offset?: number) => void
}

const receiptsOf = ({ receipts }: RoomSnapshot): Readonly<Record<string, number>> => receipts
const lastReadOf = ({ lastRead }: RoomSnapshot): number => lastRead

/** Who has read how far in a room. Is in the room as `useRoom`; without a name it does nothing. */
export function useReceipts(name: string | null): UseReceiptsResult {
  const [receipts] = useRoomStore(name, receiptsOf)
  const [lastRead, store] = useRoomStore(name, lastReadOf)
  const markRead = useCallback((offset?: number) => store?.room.markRead(offset), [store])
  return { receipts, lastRead, markRead }
}
