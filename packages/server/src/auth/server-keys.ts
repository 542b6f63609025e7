import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { ProtocolError } from '@tidewire/protocol'
import type { Actor } from '../core/ports/actor.ts'
import type { Authenticator } from '../core/ports/authenticator.ts'

const KEY = /^tw_([a-z0-9-]{1,32})_[A-Za-z0-9_-]{16,128}$/
const ACTOR: Actor = { kind: 'server' }
/** Compared with when no key has the id, so that an unknown id takes the same path. */
const NO_DIGEST = Buffer.alloc(32)

/** What the server keeps of a key: enough to know it, not enough to use it. */
export interface ServerKey {
  id: string
  /** SHA-256 of the whole key, hex. */
  sha256: string
}

/** Keys of backends: `tw_<id>_<random>`. */
export class ServerKeyAuthenticator implements Authenticator {
  readonly #digests: ReadonlyMap<string, Buffer>

  constructor(keys: readonly ServerKey[]) {
    this.#digests = new Map(keys.map(({ id, sha256 }) => [id, Buffer.from(sha256, 'hex')]))
  }

  async authenticate(key: string): Promise<Actor> {
    const digest = this.#digests.get(KEY.exec(key)?.[1] ?? '')
    const same = timingSafeEqual(createHash('sha256').update(key).digest(), digest ?? NO_DIGEST)
    if (digest === undefined || !same) {
      throw new ProtocolError('authentication_failed', 'This server does not know the key.')
    }
    return ACTOR
  }
}

/** Whether the token claims to be a server key. */
export function isServerKey(token: string): boolean {
  return token.startsWith('tw_')
}

/** A new key, which only its holder keeps, and what belongs into `auth.server_keys`. */
export function createServerKey(id: string): ServerKey & { key: string } {
  const key = `tw_${id}_${randomBytes(32).toString('base64url')}`
  if (KEY.exec(key)?.[1] !== id) {
    throw new TypeError('The id of a server key is 1 to 32 characters of a-z, 0-9 and -.')
  }
  return { key, ...toServerKey(id, key) }
}

export function toServerKey(id: string, key: string): ServerKey {
  return { id, sha256: createHash('sha256').update(key).digest('hex') }
}
