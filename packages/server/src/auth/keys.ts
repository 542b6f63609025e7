import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'

export type SecretAlgorithm = 'HS256' | 'HS384' | 'HS512'
export type PublicAlgorithm = RsaAlgorithm | EcAlgorithm | 'EdDSA'
export type Algorithm = SecretAlgorithm | PublicAlgorithm
type RsaAlgorithm = 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512'
type EcAlgorithm = 'ES256' | 'ES384' | 'ES512'

/** A key for exactly one algorithm: it can never verify what another one signed. */
export interface VerificationKey {
  algorithm: Algorithm
  /** The `kid`. When token and key both name one, they must be the same. */
  id?: string | undefined
  key: KeyObject
}

/**
 * Keys that tokens are verified with.
 *
 * Failure: `find` rejects with `ProtocolError` `unavailable` when it cannot tell which keys there are.
 */
export interface KeySource {
  /** Of other algorithms it has no keys and is not asked. */
  readonly algorithms: ReadonlySet<string>
  /** Those that a token with this `alg` and `kid` may be signed with; the token itself brings none. */
  find(
    algorithm: string,
    id: string | undefined,
  ): readonly VerificationKey[] | Promise<readonly VerificationKey[]>
}

/** A public key as the configuration has it: `pem`, or the `file` that holds it. */
export interface PublicKeyOptions {
  algorithm: PublicAlgorithm
  id?: string
  pem?: string
  file?: string
}

const MIN_RSA_BITS = 2048
const CURVES: Readonly<Record<EcAlgorithm, string>> = {
  ES256: 'prime256v1',
  ES384: 'secp384r1',
  ES512: 'secp521r1',
}

/** A source of keys that stay as they are. */
export function fixedKeys(keys: readonly VerificationKey[]): KeySource {
  return {
    algorithms: new Set(keys.map(({ algorithm }) => algorithm)),
    find: (algorithm, id) => matching(keys, algorithm, id),
  }
}

/** The keys for a token with this `alg` and `kid`. */
export function matching(
  keys: readonly VerificationKey[],
  algorithm: string,
  id: string | undefined,
): readonly VerificationKey[] {
  return keys.filter(
    (key) =>
      key.algorithm === algorithm && (key.id === undefined || id === undefined || key.id === id),
  )
}

/** One secret, for each of its algorithms. */
export function secretKeys(
  secret: string,
  algorithms: readonly SecretAlgorithm[],
): VerificationKey[] {
  const key = toSecretKey(secret)
  return algorithms.map((algorithm) => ({ algorithm, key }))
}

export function toSecretKey(secret: string): KeyObject {
  return createSecretKey(Buffer.from(secret, 'utf8'))
}

/** Throws `TypeError`, which names the key by its place in `auth.public_keys`, for one that cannot be used. */
export function publicKeys(options: readonly PublicKeyOptions[]): VerificationKey[] {
  return options.map(({ algorithm, id, pem, file }, i) => {
    const name = `auth.public_keys[${i}]`
    const key = readPublicKey(name, pem ?? readPem(name, file))
    if (!suits(key, algorithm)) {
      throw new TypeError(`\`${name}\` is no key for ${algorithm}: ${needOf(algorithm)}.`)
    }
    return { algorithm, id, key }
  })
}

/** Whether the key is of the type, curve and size that the algorithm takes. */
export function suits(key: KeyObject, algorithm: PublicAlgorithm): boolean {
  const { type, asymmetricKeyType, asymmetricKeyDetails: details } = key
  if (type !== 'public') return false
  if (algorithm === 'EdDSA') return asymmetricKeyType === 'ed25519'
  if (isEc(algorithm)) {
    return asymmetricKeyType === 'ec' && details?.namedCurve === CURVES[algorithm]
  }
  return asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= MIN_RSA_BITS
}

function isEc(algorithm: PublicAlgorithm): algorithm is EcAlgorithm {
  return Object.hasOwn(CURVES, algorithm)
}

function needOf(algorithm: PublicAlgorithm): string {
  if (algorithm === 'EdDSA') return 'it takes an Ed25519 key'
  if (isEc(algorithm)) return `it takes an EC key on ${CURVES[algorithm]}`
  return `it takes an RSA key of at least ${MIN_RSA_BITS} bits`
}

function readPem(name: string, file = ''): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new TypeError(`The file of \`${name}\` cannot be read: ${code ?? 'it failed'}.`, {
      cause: error,
    })
  }
}

function readPublicKey(name: string, pem: string): KeyObject {
  // A private key would be taken as well; it has no business here.
  if (!/^-----BEGIN [A-Z ]*PUBLIC KEY-----/.test(pem.trimStart())) {
    throw new TypeError(
      `\`${name}\` is no public key in PEM, such as \`openssl pkey -pubout\` prints.`,
    )
  }
  try {
    return createPublicKey(pem)
  } catch {
    throw new TypeError(`\`${name}\` is a public key in PEM that cannot be read.`)
  }
}
