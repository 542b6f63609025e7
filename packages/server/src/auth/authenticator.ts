import { ProtocolError } from '@tidewire/protocol'
import type { Actor } from '../core/ports/actor.ts'
import type { Authenticator } from '../core/ports/authenticator.ts'
import { JwtAuthenticator } from './jwt.ts'
import { isServerKey, type ServerKey, ServerKeyAuthenticator } from './server-keys.ts'

/** User tokens and server keys, told apart by the prefix of the keys. */
export class TokenAuthenticator implements Authenticator {
  readonly #users: Authenticator
  readonly #servers: Authenticator

  constructor(options: {
    /** Without one no user token is accepted. */
    secret?: string | undefined
    serverKeys: readonly ServerKey[]
    maxAgeMs?: number | undefined
    now: () => number
  }) {
    const { secret, serverKeys, maxAgeMs, now } = options
    this.#users = secret === undefined ? NO_USERS : new JwtAuthenticator({ secret, maxAgeMs, now })
    this.#servers = new ServerKeyAuthenticator(serverKeys)
  }

  authenticate(token: string): Promise<Actor> {
    return (isServerKey(token) ? this.#servers : this.#users).authenticate(token)
  }
}

const NO_USERS: Authenticator = {
  async authenticate() {
    throw new ProtocolError(
      'authentication_failed',
      'This server accepts no user tokens: `auth.jwt_secret` is not set.',
    )
  },
}
