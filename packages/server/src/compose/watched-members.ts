import type { MemberStore } from '../core/ports/members.ts'
import type { MemberChange, MemberListener } from '../handlers.ts'
import type { WatchedMembers } from '../parts.ts'

/** The same members; whoever changes them, the listeners are told before the change is answered. */
export function watchMembers(
  store: MemberStore,
  onError: (error: unknown) => void,
): WatchedMembers {
  const listeners = new Set<MemberListener>()
  const tell = async (change: MemberChange): Promise<void> => {
    const told = await Promise.allSettled(
      // What one throws at once must not keep it from the others.
      [...listeners].map(async (listener) => listener(change)),
    )
    // The change has happened: it is not undone because somebody could not be told.
    for (const outcome of told) if (outcome.status === 'rejected') onError(outcome.reason)
  }
  return {
    has: (channel, user) => store.has(channel, user),
    list: (channel, page) => store.list(channel, page),
    count: (channel) => store.count(channel),
    channels: (user, page) => store.channels(user, page),
    async add(channel, user) {
      const added = await store.add(channel, user)
      if (added) await tell({ channel, user, isMember: true })
      return added
    },
    async remove(channel, user) {
      const removed = await store.remove(channel, user)
      if (removed) await tell({ channel, user, isMember: false })
      return removed
    },
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
