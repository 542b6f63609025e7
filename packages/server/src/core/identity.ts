import { ProtocolError } from '@tidewire/protocol'
import { addressKey } from './address-key.ts'
import type { Namespaces } from './namespaces.ts'
import { required } from './permissions.ts'
import { type Actor, ANYONE } from './ports/actor.ts'
import type { Authenticator } from './ports/authenticator.ts'
import type { RateLimits } from './rate-limits.ts'
import type { Rights } from './rights.ts'

export interface IdentityOptions {
  authenticator: Authenticator
  namespaces: Namespaces
  rights: Rights
  rates: RateLimits | undefined
}

/** Who somebody is: by the token or key, which was not revoked, from an address that does not guess. */
export class Identity {
  readonly #options: IdentityOptions

  constructor(options: IdentityOptions) {
    this.#options = options
  }

  /** As `Service.authenticate`. */
  async of(token: string | undefined, address?: string): Promise<Actor> {
    const actor = await this.#actorOf(token, addressKey(address ?? ''))
    return address === undefined ? actor : { ...actor, address }
  }

  /** As `Service.authenticateNow`. */
  now(token: string, address: string): Actor | undefined {
    const { authenticator, rights } = this.#options
    if (authenticator.authenticateNow === undefined) return undefined
    const key = addressKey(address)
    const isQuick = this.#isQuick(token)
    this.#mayTry(key, isQuick)
    try {
      const actor = authenticator.authenticateNow(token)
      if (actor === undefined) return undefined
      rights.check(actor)
      return { ...actor, address }
    } catch (error) {
      throw this.#failed(error, key, isQuick)
    }
  }

  /** As `Service.refresh`. */
  refresh<T>(address: string, trade: () => Promise<T>): Promise<T> {
    return this.#counted(addressKey(address), false, trade)
  }

  async #actorOf(token: string | undefined, key: string): Promise<Actor> {
    const { authenticator, namespaces, rights } = this.#options
    if (token === undefined) {
      if (!namespaces.openToAnyone) throw required()
      return ANYONE
    }
    return this.#counted(key, this.#isQuick(token), async () => {
      const actor = await authenticator.authenticate(token)
      rights.check(actor)
      return actor
    })
  }

  /** What `attempt` comes to, unless too many from the address were refused; its own refusal is one more of them. */
  async #counted<T>(key: string, isQuick: boolean, attempt: () => Promise<T>): Promise<T> {
    this.#mayTry(key, isQuick)
    try {
      return await attempt()
    } catch (error) {
      throw this.#failed(error, key, isQuick)
    }
  }

  /** Backends must not suffer for who guesses beside them. */
  #isQuick(token: string): boolean {
    return this.#options.authenticator.isQuick?.(token) === true
  }

  /** Before any cryptography: that is what guessing costs. */
  #mayTry(key: string, isQuick: boolean): void {
    if (!isQuick) this.#options.rates?.checkFailures(key)
  }

  /** What is told of the failure. */
  #failed(error: unknown, key: string, isQuick: boolean): unknown {
    const { rates } = this.#options
    // A token that expired was good: its client comes back with another one.
    const isBad = error instanceof ProtocolError && error.reason === 'authentication_failed'
    // Who guesses learns no more than that it is too much.
    if (isBad && isQuick) rates?.checkFailures(key)
    if (isBad) rates?.failed(key)
    return error
  }
}
