import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { ProtocolError } from '@tidewire/protocol'
import { z } from 'zod'
import type { Outbound } from '../outbound/outbound.ts'
import {
  type KeySource,
  matching,
  type PublicAlgorithm,
  suits,
  type VerificationKey,
} from './keys.ts'
import { parseJson } from './parse-json.ts'

const MAX_KEYS = 100
/** Keys that one token is tried with. Only tokens or keys without a `kid` come to more than one. */
const MAX_TRIES = 8
/** After a request that failed, and before one for a `kid` that is not among the keys. */
const COOLDOWN_MS = 30_000
/** After a request that failed, as long as there are no keys at all. */
const COOLDOWN_WITHOUT_KEYS_MS = 1000

export interface JwksOptions {
  url: string
  /** Accepted with the keys. A key that names none of its own counts for each of them that suits its type. */
  algorithms: readonly PublicAlgorithm[]
  /** Age at which the keys are fetched again. */
  refreshMs: number
  /** Age at which keys that could not be fetched again no longer count. */
  maxStaleMs: number
  outbound: Pick<Outbound, 'request'>
  /** Milliseconds that never step. */
  steady: () => number
  /** The keys could not be fetched; those that are known stay in use until they are `maxStaleMs` old. */
  onError: (error: unknown) => void
}

/**
 * The public keys of an identity provider: a JSON Web Key Set (RFC 7517) at a configured URL.
 *
 * Fetched when they are needed: for the first token, when they are `refreshMs` old, and for a `kid` that is not among
 * them. Tokens that come meanwhile wait for the same request. While the URL is down the known keys stay in use, until they
 * are `maxStaleMs` old: a key that was taken back must not count for ever because somebody keeps us from hearing of it.
 * Failure: `find` rejects with `unavailable` when no key fits and the URL is down.
 */
export class Jwks implements KeySource {
  readonly algorithms: ReadonlySet<string>
  readonly #options: JwksOptions
  #keys: readonly VerificationKey[] | undefined
  #fetchedAt = Number.NEGATIVE_INFINITY
  #triedAt = Number.NEGATIVE_INFINITY
  #isDown = false
  #fetching: Promise<void> | undefined

  constructor(options: JwksOptions) {
    this.#options = options
    this.algorithms = new Set(options.algorithms)
  }

  async find(algorithm: string, id: string | undefined): Promise<readonly VerificationKey[]> {
    await this.#refreshOld()
    if (id !== undefined && !this.#has(id) && this.#isRested(COOLDOWN_MS)) await this.#fetch()
    const keys = matching(this.#usable, algorithm, id)
    if (keys.length === 0 && this.#isDown) {
      throw new ProtocolError(
        'unavailable',
        'The keys that tokens are verified with cannot be fetched now. Try again.',
      )
    }
    return keys.slice(0, MAX_TRIES)
  }

  async #refreshOld(): Promise<void> {
    const { steady, refreshMs } = this.#options
    if (steady() - this.#fetchedAt < refreshMs) return
    const known = this.#usable.length > 0
    const wasDown = this.#isDown
    if (wasDown && !this.#isRested(known ? COOLDOWN_MS : COOLDOWN_WITHOUT_KEYS_MS)) return
    const fetching = this.#fetch()
    // A URL that was down may take all its time again: who has keys does not wait for it.
    if (!(known && wasDown)) await fetching
  }

  #has(id: string): boolean {
    return this.#usable.some((key) => key.id === id)
  }

  get #usable(): readonly VerificationKey[] {
    return this.#isStale ? [] : (this.#keys ?? [])
  }

  get #isStale(): boolean {
    const { steady, maxStaleMs } = this.#options
    return steady() - this.#fetchedAt >= maxStaleMs
  }

  /** Whether a request is under way, or the last one is long enough ago. */
  #isRested(ms: number): boolean {
    return this.#fetching !== undefined || this.#options.steady() - this.#triedAt >= ms
  }

  /** Never rejects. Many callers share one request. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #fetchOnce(): Promise<void> {
    const { url, algorithms, outbound, steady, onError } = this.#options
    try {
      const { status, body } = await outbound.request(url)
      if (status !== 200) throw new TypeError(`The key set was answered with status ${status}.`)
      this.#keys = parseKeySet(body, algorithms)
      this.#fetchedAt = steady()
      this.#isDown = false
    } catch (error) {
      this.#isDown = true
      onError(error)
    } finally {
      this.#triedAt = steady()
    }
  }
}

const keySet = z.object({ keys: z.array(z.unknown()).max(MAX_KEYS) })

const number = z.string().max(1366) // 8192 bits in base64url

const publicKey = z.object({
  kty: z.enum(['RSA', 'EC', 'OKP']),
  kid: z.string().max(256).exactOptional(),
  alg: z.string().exactOptional(),
  use: z.literal('sig').exactOptional(),
  key_ops: z
    .array(z.string())
    .refine((operations) => operations.includes('verify'))
    .exactOptional(),
  n: number.exactOptional(),
  e: number.exactOptional(),
  crv: z.string().exactOptional(),
  x: number.exactOptional(),
  y: number.exactOptional(),
  // A key that gives its private half away is worth nothing.
  d: z.never().exactOptional(),
})

/**
 * The keys of a set that can verify one of the algorithms; all others are left out. Throws `TypeError` when none is left, or
 * more than 100 are given.
 */
function parseKeySet(text: string, algorithms: readonly PublicAlgorithm[]): VerificationKey[] {
  const parsed = keySet.safeParse(parseJson(text))
  if (!parsed.success) {
    throw new TypeError(`The key set is not \`{ "keys": [...] }\` with at most ${MAX_KEYS} keys.`)
  }
  const keys = parsed.data.keys.flatMap((entry) => toKeys(entry, algorithms))
  if (keys.length === 0) {
    throw new TypeError(`The key set has no key that can be used for ${algorithms.join(', ')}.`)
  }
  return keys
}

/** One for each algorithm that the entry counts for; none when it cannot be used. */
function toKeys(entry: unknown, algorithms: readonly PublicAlgorithm[]): VerificationKey[] {
  const { data } = publicKey.safeParse(entry)
  if (data === undefined) return []
  const { kid: id, alg, use: _use, key_ops: _operations, ...material } = data
  const key = readKey(material)
  if (key === undefined) return []
  return algorithms
    .filter((algorithm) => (alg === undefined || alg === algorithm) && suits(key, algorithm))
    .map((algorithm) => ({ algorithm, id, key }))
}

function readKey(material: JsonWebKey) {
  try {
    return createPublicKey({ key: material, format: 'jwk' })
  } catch {
    return undefined
  }
}
