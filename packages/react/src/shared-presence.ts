import type { JsonObject, Tidewire } from '@tidewire/client'
import { type Presence, presence } from '@tidewire/client/presence'
import { Lease } from './lease.ts'
import type { SharedChannel } from './shared-channel.ts'
import type { TideStores } from './tide-stores.ts'

/** The one of a channel, or none without a name. */
export function sharedPresence(
  stores: TideStores,
  name: string | null,
): SharedPresence | undefined {
  if (name === null) return undefined
  const { client, lingerMs } = stores
  return stores.ofFeature(
    `presence ${name}`,
    () => new SharedPresence(client, stores.channel(name), lingerMs),
  )
}

/** The presence of one client in one channel, and its list, however many components use them. */
export class SharedPresence {
  readonly #channel: SharedChannel
  readonly #own: Lease
  readonly #listed: Lease
  readonly #make: (list: boolean) => Presence
  #self: Presence | undefined
  #list: Presence | undefined
  #data: JsonObject | undefined

  constructor(client: Tidewire, channel: SharedChannel, lingerMs: number) {
    this.#channel = channel
    this.#make = (list) => presence(client, channel.channel.name, { list })
    this.#own = new Lease(() => this.#enter(), lingerMs)
    this.#listed = new Lease(() => this.#open(), lingerMs)
  }

  /** Whoever enters; undefined while nobody wants to be present. */
  get self(): Presence | undefined {
    return this.#self
  }

  /** Whoever knows who is there; undefined while nobody asks. */
  get list(): Presence | undefined {
    return this.#list
  }

  /** Is present, and subscribed, until the result is called. */
  enter(onChange: () => void, data: JsonObject | undefined): () => void {
    this.#data ??= data
    return this.#use(this.#own, onChange, () => this.#self)
  }

  /** Others see these data from now on. */
  say(data: JsonObject): void {
    if (JSON.stringify(data) === JSON.stringify(this.#data)) return
    this.#data = data
    this.#self?.enter(data).catch(toldByError)
  }

  /** Knows who is there, and is subscribed, until the result is called. */
  watch(onChange: () => void): () => void {
    return this.#use(this.#listed, onChange, () => this.#list)
  }

  #use(lease: Lease, onChange: () => void, made: () => Presence | undefined): () => void {
    const leave = this.#channel.use(onChange)
    const release = lease.acquire()
    const off = made()?.onChange(onChange)
    return () => {
      off?.()
      release()
      leave()
    }
  }

  #enter(): () => void {
    const self = this.#make(false)
    this.#self = self
    self.enter(this.#data).catch(toldByError)
    return () => {
      self.close()
      this.#self = undefined
      this.#data = undefined
    }
  }

  #open(): () => void {
    const list = this.#make(true)
    this.#list = list
    return () => {
      list.close()
      this.#list = undefined
    }
  }
}

/** Why it may not enter is in `error`, where every user sees it. */
function toldByError(): void {}
