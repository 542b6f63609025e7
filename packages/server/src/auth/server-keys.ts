import { createHash, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { ProtocolError } from '@tidewire/protocol'
import type { Actor } from '../core/ports/actor.ts'
import type { Authenticator } from '../core/ports/authenticator.ts'
import type { ServerKey, ServerKeys } from '../core/ports/server-keys.ts'

const KEY = /^tw_([a-z0-9-]{1,32})_[A-Za-z0-9_-]{16,128}$/
const DIGEST = /^[0-9a-f]{64}$/
/** Compared with when no key has the id, so that an unknown id takes the same path. */
const NO_DIGEST = Buffer.alloc(32)

/** Keys of backends: `tw_<id>_<random>`. Each source may know a key of the id. */
export class ServerKeyAuthenticator implements Authenticator {
  readonly #sources: readonly ServerKeys[]

  constructor(sources: readonly ServerKeys[]) {
    this.#sources = sources
  }

  async authenticate(key: string): Promise<Actor> {
    const id = KEY.exec(key)?.[1] ?? ''
    const digest = hash('sha256', key, 'buffer')
    const same = this.#sources.map((source) => {
      const { sha256 = '' } = source.find(id) ?? {}
      const isKnown = DIGEST.test(sha256)
      const known = isKnown ? Buffer.from(sha256, 'hex') : NO_DIGEST
      return timingSafeEqual(digest, known) && isKnown
    })
    if (!same.includes(true)) {
      throw new ProtocolError('authentication_failed', 'This server does not know the key.')
    }
    return { kind: 'server', key_id: id }
  }
}

/** The keys of a list, such as that of the configuration. */
export function serverKeysOf(keys: readonly ServerKey[]): ServerKeys {
  const byId = new Map(keys.map((key) => [key.id, key]))
  return { find: (id) => byId.get(id) }
}

/** Whether the token claims to be a server key. */
export function isServerKey(token: string): boolean {
  return token.startsWith('tw_')
}

/** Whether it looks like one from end to end: what is longer costs more to hash. */
export function isWellFormedKey(token: string): boolean {
  return KEY.test(token)
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
