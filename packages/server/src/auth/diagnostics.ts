import { ProtocolError } from '@tidewire/protocol'
import { compactVerify, decodeJwt, decodeProtectedHeader, errors } from 'jose'
import { Outbound } from '../outbound/outbound.ts'
import { JwtAuthenticator, type JwtOptions } from './jwt.ts'
import {
  type Algorithm,
  fixedKeys,
  type KeySource,
  type PublicKeyOptions,
  publicKeys,
  type SecretAlgorithm,
  secretKeys,
} from './keys.ts'

// What an operator is told about a token or a key set, without a server.

/** What a server would go by; a key set is not among it, because it is somewhere else. */
export interface TokenTerms extends Pick<JwtOptions, 'maxAgeMs' | 'issuer' | 'audience'> {
  secret?: string | undefined
  algorithms: readonly SecretAlgorithm[]
  publicKeys: readonly PublicKeyOptions[]
}

export interface TokenReport {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  /** `unknown`: there is no key for its algorithm and `kid`. */
  signature: 'good' | 'bad' | 'unknown'
  expired: boolean
  /** Why it is refused, as a sentence; undefined when it is accepted. */
  refusal: string | undefined
}

/** Reads a user token and says what a server would say to it. Rejects with `authentication_failed` for what is no token. */
export async function inspectToken(
  token: string,
  terms: TokenTerms,
  now: number,
): Promise<TokenReport> {
  const { header, claims } = decode(token)
  const source = fixedKeys([
    ...(terms.secret === undefined ? [] : secretKeys(terms.secret, terms.algorithms)),
    ...publicKeys(terms.publicKeys),
  ])
  const { exp } = claims
  return {
    header,
    claims,
    signature: await signatureOf(token, header, source),
    expired: typeof exp === 'number' && exp * 1000 <= now,
    refusal: await refusalOf(token, { ...terms, sources: [source], now: () => now }),
  }
}

/** What is wrong with one of the public keys, as a sentence; undefined when all can be used. */
export function publicKeyProblem(keys: readonly PublicKeyOptions[]): string | undefined {
  try {
    publicKeys(keys)
    return undefined
  } catch (error) {
    if (error instanceof TypeError) return error.message
    throw error
  }
}

/** How many keys a key set at a URL has. Rejects with `unavailable`, which says why it has none for us. */
export async function countKeys(options: { url: string; allowPrivate: boolean }): Promise<number> {
  const outbound = new Outbound({ allowPrivate: options.allowPrivate })
  try {
    const { status, body } = await outbound.request(options.url)
    const keys = status === 200 ? keysOf(body) : undefined
    if (keys !== undefined) return keys.length
    throw new ProtocolError('unavailable', `It answers with ${status} and no JSON Web Key Set.`)
  } finally {
    outbound.close()
  }
}

function decode(token: string): Pick<TokenReport, 'header' | 'claims'> {
  try {
    return { header: { ...decodeProtectedHeader(token) }, claims: { ...decodeJwt(token) } }
  } catch (cause) {
    throw new ProtocolError(
      'authentication_failed',
      'This is no token: it has three parts of JSON in base64url, with dots between.',
      { cause },
    )
  }
}

async function signatureOf(
  token: string,
  { alg, kid }: Record<string, unknown>,
  source: KeySource,
): Promise<TokenReport['signature']> {
  if (typeof alg !== 'string' || (kid !== undefined && typeof kid !== 'string')) return 'bad'
  if (alg === 'none') return 'bad'
  const keys = await source.find(alg, kid)
  for (const { key, algorithm } of keys) {
    if (await isSignedWith(token, key, algorithm)) return 'good'
  }
  return keys.length === 0 ? 'unknown' : 'bad'
}

async function isSignedWith(
  token: string,
  key: Parameters<typeof compactVerify>[1],
  algorithm: Algorithm,
): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [algorithm] })
    return true
  } catch (error) {
    if (error instanceof errors.JOSEError) return false
    throw error
  }
}

async function refusalOf(token: string, options: JwtOptions): Promise<string | undefined> {
  try {
    await new JwtAuthenticator(options).authenticate(token)
    return undefined
  } catch (error) {
    if (error instanceof ProtocolError) return error.message
    throw error
  }
}

function keysOf(body: string): unknown[] | undefined {
  try {
    const { keys } = JSON.parse(body) as { keys?: unknown }
    return Array.isArray(keys) ? keys : undefined
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}
