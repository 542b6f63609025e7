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
    // Backends must not suffer for who guesses beside them.
    const isQuick = authenticator.isQuick?.(token) === true
    return this.#counted(key, isQuick, async () => {
      const actor = await authenticator.authenticate(token)
      rights.check(actor)
      return actor
    })
  }

  /** What `attempt` comes to, unless too many from the address were refused; its own refusal is one more of them. */
  async #counted<T>(key: string, isQuick: boolean, attempt: () => Promise<T>): Promise<T> {
    const { rates } = this.#options
    // Before any cryptography: that is what guessing costs.
    if (!isQuick) rates?.checkFailures(key)
    try {
      return await attempt()
    } catch (error) {
      // A token that expired was good: its client comes back with another one.
      const isBad = error instanceof ProtocolError && error.reason === 'authentication_failed'
      // Who guesses learns no more than that it is too much.
      if (isBad && isQuick) rates?.checkFailures(key)
      if (isBad) rates?.failed(key)
      throw error
    }
  }
}
