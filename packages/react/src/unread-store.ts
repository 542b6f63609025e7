import { type Unread, unread } from '@tidewire/client/chat'
import { Lease } from './lease.ts'
import type { TideStores } from './tide-stores.ts'

/** What is unread of one client: counted while at least one component looks. */
export class UnreadStore {
  readonly unread: Unread
  readonly #lease: Lease

  constructor({ client, lingerMs }: TideStores) {
    this.unread = unread(client)
    this.#lease = new Lease(() => {
      this.unread.open()
      return () => this.unread.close()
    }, lingerMs)
  }

  use(onChange: () => void): () => void {
    const off = this.unread.onChange(onChange)
    const release = this.#lease.acquire()
    return () => {
      off()
      release()
    }
  }
}

/** The one of these stores. */
export function unreadOf(stores: TideStores): UnreadStore {
  return stores.ofFeature('unread', () => new UnreadStore(stores))
}
