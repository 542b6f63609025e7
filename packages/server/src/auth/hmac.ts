import { createHmac, timingSafeEqual } from 'node:crypto'
import { type JWTClaimVerificationOptions, type JWTPayload, UnsecuredJWT } from 'jose'
import type { SecretAlgorithm, VerificationKey } from './keys.ts'

const HASHES: Readonly<Record<SecretAlgorithm, string>> = {
  HS256: 'sha256',
  HS384: 'sha384',
  HS512: 'sha512',
}

const UNSECURED = Buffer.from('{"alg":"none"}').toString('base64url')

export function isSecretAlgorithm(algorithm: string): algorithm is SecretAlgorithm {
  return Object.hasOwn(HASHES, algorithm)
}

/**
 * The claims of a token that `key` signed, and undefined of others; its header was looked at. A signature with a secret
 * takes 3 µs, of which Web Crypto, and with it `jwtVerify`, makes a job for another thread. Throws as `jwtVerify` does.
 */
export function verifyHmac(
  token: string,
  { algorithm, key }: VerificationKey & { algorithm: SecretAlgorithm },
  options: JWTClaimVerificationOptions,
): JWTPayload | undefined {
  const end = token.lastIndexOf('.')
  const signed = token.slice(0, end)
  const expected = createHmac(HASHES[algorithm], key).update(signed).digest('base64url')
  if (!isSame(token.slice(end + 1), expected)) return undefined
  // The signature vouches for the claims by now: what is left is to read them and to see whether they hold.
  const claims = signed.slice(signed.indexOf('.') + 1)
  return UnsecuredJWT.decode(`${UNSECURED}.${claims}.`, options).payload
}

/** In a time that does not tell where they differ. As texts: a signature has one spelling. */
export function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
