import { Tidewire, type TransportName } from '@tidewire/react'
import { fetchToken } from './token.ts'
import { isString, recall, remember } from './storage.ts'
import { userIdOf } from './user.ts'

export interface SignedIn {
  readonly user: string
  readonly client: Tidewire
}

const TRANSPORTS: readonly TransportName[] = ['websocket', 'sse', 'poll']

/** The name that was picked last in this browser, in whichever window. */
export const lastName = (): string => recall('name', isString) ?? ''

/** Who uses this page, and the client that speaks for them. Undefined until a name was picked. */
export class Session {
  readonly #transports: readonly TransportName[]
  readonly #listeners = new Set<() => void>()
  #current: SignedIn | undefined

  /** `?user=ada` picks a name for this tab alone, `?transport=sse` allows only that transport. */
  constructor(query: URLSearchParams) {
    const transport = TRANSPORTS.find((name) => name === query.get('transport'))
    this.#transports = transport ? [transport] : TRANSPORTS
    const user = userIdOf(query.get('user') ?? recall('name', isString, 'tab') ?? '')
    if (user) this.#open(user)
  }

  current(): SignedIn | undefined {
    return this.#current
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  signIn(user: string): void {
    // Every window asks for its own: two of them are two people.
    remember('name', user, 'tab')
    remember('name', user)
    this.#open(user)
    this.#changed()
  }

  signOut(): void {
    remember('name', undefined, 'tab')
    void this.#current?.client.close()
    this.#current = undefined
    this.#changed()
  }

  #open(user: string): void {
    const client = new Tidewire({
      url: location.origin,
      transports: this.#transports,
      getToken: ({ signal }) => fetchToken(user, signal),
    })
    this.#current = { user, client }
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
