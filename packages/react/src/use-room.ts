import type { Room, RoomSnapshot } from '@tidewire/client/chat'
import { useMemo } from 'react'
import { useRoomStore } from './use-room-store.ts'

export interface UseRoomResult
  extends
    RoomSnapshot,
    Pick<Room, 'send' | 'retry' | 'discard' | 'edit' | 'remove' | 'react' | 'loadMore' | 'leave'> {}

const whole = (snapshot: RoomSnapshot): RoomSnapshot => snapshot

/**
 * A room (`general`) or a direct talk (`dm:ada,bob`), live while a component is mounted. Who opens a room becomes a member,
 * and stays one until `leave()`. Without a name it does nothing.
 */
export function useRoom(name: string | null): UseRoomResult {
  const [snapshot, store] = useRoomStore(name, whole)
  const actions = useMemo(() => actionsOf(store?.room), [store])
  return useMemo(() => ({ ...snapshot, ...actions }), [snapshot, actions])
}

function actionsOf(room: Room | undefined): Omit<UseRoomResult, keyof RoomSnapshot> {
  const here = (): Room => {
    if (room === undefined) throw new Error('There is no room: the name is null.')
    return room
  }
  return {
    send: (content, options) => here().send(content, options),
    retry: (id) => room?.retry(id),
    discard: (id) => room?.discard(id),
    edit: async (id, content) => here().edit(id, content),
    remove: async (id) => here().remove(id),
    react: async (id, emoji, options) => here().react(id, emoji, options),
    loadMore: async () => room?.loadMore(),
    leave: async () => room?.leave(),
  }
}
