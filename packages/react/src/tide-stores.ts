import type { Tidewire } from '@tidewire/client'
import { MessageStore } from './message-store.ts'
import { SharedChannel } from './shared-channel.ts'

const LINGER_MS = 1000

/** What the hooks below one provider share: a subscription and a list of messages for each channel they name. */
export class TideStores {
  readonly client: Tidewire
  /** How long what nobody uses any more goes on. */
  readonly lingerMs: number
  readonly #channels = new Map<string, SharedChannel>()
  readonly #messages = new Map<string, MessageStore>()
  readonly #ofFeatures = new Map<string, unknown>()

  constructor(client: Tidewire, lingerMs = LINGER_MS) {
    this.client = client
    this.lingerMs = lingerMs
  }

  channel(name: string): SharedChannel {
    const known = this.#channels.get(name)
    if (known) return known
    const shared = new SharedChannel(this.client, name, this.lingerMs)
    this.#channels.set(name, shared)
    return shared
  }

  messages(name: string): MessageStore {
    const known = this.#messages.get(name)
    if (known) return known
    const drop = (): void => void this.#messages.delete(name)
    const store = new MessageStore(this.client, this.channel(name), this.lingerMs, drop)
    this.#messages.set(name, store)
    return store
  }

  /**
   * What the hooks of a feature share under a name; `make` makes it for the first of them, and is given what forgets it.
   * The feature is named by its hooks alone, so that a page without them does not load it.
   */
  ofFeature<Store>(name: string, make: (forget: () => void) => Store): Store {
    const known = this.#ofFeatures.get(name)
    if (known !== undefined) return known as Store
    const store = make(() => this.#ofFeatures.delete(name))
    this.#ofFeatures.set(name, store)
    return store
  }
}
