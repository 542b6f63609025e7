import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto'

/** Somebody who signs tokens with a private key. */
export interface Issuer {
  algorithm: 'RS256' | 'ES256' | 'EdDSA'
  privateKey: KeyObject
  publicKey: KeyObject
  pem: string
  jwk: (kid: string) => JsonWebKey & { kid: string; alg: string; use: 'sig' }
  sign: (input: string) => Buffer
}

export function rsaIssuer(): Issuer {
  return issuer('RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }))
}

export function ecIssuer(): Issuer {
  return issuer('ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }))
}

export function edIssuer(): Issuer {
  return issuer('EdDSA', generateKeyPairSync('ed25519'))
}

function issuer(
  algorithm: Issuer['algorithm'],
  { privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject },
): Issuer {
  return {
    algorithm,
    privateKey,
    publicKey,
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    jwk: (kid) => ({ ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' }),
    sign: (input) => {
      const digest = algorithm === 'EdDSA' ? null : 'sha256'
      return sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    },
  }
}
