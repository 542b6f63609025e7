import type { MemberStore } from '../core/ports/members.ts'
import type { MemberChange, MemberListener } from '../handlers.ts'
import type { WatchedMembers } from '../parts.ts'

export interface WatchOptions {
  /** Ends the subscriptions in the channel that the user may no longer have. */
  recheck: (user: string, channel: string) => Promise<void>
  /** A listener failed. */
  onError: (error: unknown) => void
}

/**
 * The same members; whoever changes them, the listeners are told before the change is answered, and with a membership end
 * the rights that stood on it.
 */
export function watchMembers(
  store: MemberStore,
  { recheck, onError }: WatchOptions,
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
      // The listeners begin with it first; however long they take, the rights end now.
      const told = removed ? tell({ channel, user, isMember: false }) : undefined
      // Also when it was none: an earlier request may have been cut off before this.
      await recheck(user, channel)
      await told
      return removed
    },
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
