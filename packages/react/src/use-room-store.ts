import type { RoomSnapshot } from '@tidewire/client/chat'
import { useCallback, useSyncExternalStore } from 'react'
import { NO_ROOM } from './no-room.ts'
import { useStores } from './provider.tsx'
import { RoomStore } from './room-store.ts'

/** Is in a room while a component is mounted, and renders when what `select` takes of it changes. */
export function useRoomStore<Value>(
  name: string | null,
  select: (snapshot: RoomSnapshot) => Value,
): readonly [value: Value, store: RoomStore | undefined] {
  const stores = useStores()
  const store =
    name === null
      ? undefined
      : stores.ofFeature(`room ${name}`, (forget) => new RoomStore(stores, name, forget))
  const use = useCallback(
    (onChange: () => void) => store?.use(onChange) ?? (() => undefined),
    [store],
  )
  const value = useSyncExternalStore(
    use,
    () => select(store?.snapshot ?? NO_ROOM),
    () => select(NO_ROOM),
  )
  return [value, store]
}
