import { type Room, room, type RoomSnapshot } from '@tidewire/client/chat'
import { Lease } from './lease.ts'
import type { TideStores } from './tide-stores.ts'
import { unreadOf } from './unread-store.ts'

/** A room that nobody looks at stays for a reader who comes back. */
const KEEP_MS = 60_000

/** One room of one client: live while at least one component looks, and some time after. The user stays a member. */
export class RoomStore {
  readonly room: Room
  readonly #lease: Lease
  readonly #kept: Lease
  #awaited: { of: RoomSnapshot; as: RoomSnapshot } | undefined

  /** `onIdle` is called some time after the last user left, when no own message waits for its fate. */
  constructor(stores: TideStores, name: string, onIdle: () => void) {
    this.room = room(stores.client, name, { unread: unreadOf(stores).unread })
    this.#lease = new Lease(() => this.#join(), stores.lingerMs)
    this.#kept = new Lease(() => () => this.#idle(onIdle), KEEP_MS)
  }

  /** Who asks before the room is in use is about to use it: to them it is being joined already. */
  get snapshot(): RoomSnapshot {
    const { snapshot } = this.room
    if (snapshot.status !== 'left' || snapshot.error !== undefined || this.#lease.inUse) {
      return snapshot
    }
    if (this.#awaited?.of !== snapshot) {
      const loading = snapshot.messages.length === 0
      this.#awaited = { of: snapshot, as: { ...snapshot, status: 'joining', loading } }
    }
    return this.#awaited.as
  }

  use(onChange: () => void): () => void {
    const releases = [this.room.onChange(onChange), this.#lease.acquire(), this.#kept.acquire()]
    return () => {
      for (const release of releases) release()
    }
  }

  #join(): () => void {
    this.room.join().catch(toldBySnapshot)
    return () => {
      this.room.close().catch(toldBySnapshot)
    }
  }

  #idle(onIdle: () => void): void {
    if (this.snapshot.messages.some(({ state }) => state !== 'sent')) this.#kept.acquire()()
    else onIdle()
  }
}

/** A room that was refused, or closed meanwhile, is in its snapshot, where every user sees it. */
function toldBySnapshot(): void {}
