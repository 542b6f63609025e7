import { sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  base64,
  CLAIMS,
  EC,
  ED,
  fromKeySet,
  fromPem,
  hmac,
  type Issuer,
  ISSUERS,
  OTHER_RSA,
  pemOf,
  refusal,
  RSA,
  SECONDS,
  signed,
  signedBy,
  signer,
} from '../testing/token-issuers.ts'
import type { KeySource } from './keys.ts'

/** What each issuer's server must refuse, although all but one thing is right. */
const FORGED: readonly [string, (issuer: Issuer) => string][] = [
  ['nothing', () => ''],
  ['a word', () => 'garbage'],
  ['dots', () => '..'],
  ['four parts', (issuer) => `${signedBy(issuer)}.x`],
  ['five parts, as of an encrypted token', () => 'a.b.c.d.e'],
  ['five parts with a good header', (issuer) => `${partsOf(issuer)[0]}.b.c.d.e`],
  ['without signature', (issuer) => `${partsOf(issuer).slice(0, 2).join('.')}.`],
  ['without the last part', (issuer) => partsOf(issuer).slice(0, 2).join('.')],
  ['alg none', () => `${base64({ alg: 'none' })}.${base64(CLAIMS)}.`],
  [
    'alg none with a signature',
    (issuer) => `${base64({ alg: 'none' })}.${base64(CLAIMS)}.${partsOf(issuer)[2]}`,
  ],
  ['alg none that is signed', (issuer) => signedBy(issuer, CLAIMS, { alg: 'none' })],
  ['alg NONE', (issuer) => signedBy(issuer, CLAIMS, { alg: 'NONE' })],
  ['alg nOnE and empty signature', () => `${base64({ alg: 'nOnE' })}.${base64(CLAIMS)}.`],
  ['no alg', (issuer) => signedBy(issuer, CLAIMS, { alg: undefined })],
  ['alg null', (issuer) => signedBy(issuer, CLAIMS, { alg: null })],
  ['alg empty', (issuer) => signedBy(issuer, CLAIMS, { alg: '' })],
  ['alg as a list', (issuer) => signedBy(issuer, CLAIMS, { alg: [issuer.header.alg] })],
  [
    'alg in another case',
    (issuer) => {
      const alg = String(issuer.header.alg)
      return signedBy(issuer, CLAIMS, {
        alg: alg === alg.toLowerCase() ? alg.toUpperCase() : alg.toLowerCase(),
      })
    },
  ],
  [
    'alg that is a property of all objects',
    (issuer) => signedBy(issuer, CLAIMS, { alg: 'toString' }),
  ],
  ['alg __proto__', (issuer) => signedBy(issuer, CLAIMS, { alg: '__proto__' })],
  ...[
    'HS384',
    'HS512',
    'RS384',
    'RS512',
    'PS384',
    'PS512',
    'ES384',
    'ES512',
    'ES256K',
    'Ed25519',
    'Ed448',
    'ML-DSA-44',
  ].map((alg): [string, (issuer: Issuer) => string] => [
    `alg ${alg} over the signature of another`,
    (issuer) => signedBy(issuer, CLAIMS, { alg }),
  ]),
  ['another key', (issuer) => signed(CLAIMS, { by: issuer.stranger }, issuer)],
  [
    'another key and no kid',
    (issuer) => signed(CLAIMS, { by: issuer.stranger, header: { kid: undefined } }, issuer),
  ],
  ['an empty secret', (issuer) => signed(CLAIMS, { by: hmac('') }, issuer)],
  [
    'HS256 with an empty secret',
    (issuer) => signed(CLAIMS, { by: hmac(''), header: { alg: 'HS256' } }, issuer),
  ],
  ['tampered claims', (issuer) => swap(issuer, 1, base64({ ...CLAIMS, sub: 'root' }))],
  ['tampered header', (issuer) => swap(issuer, 0, base64({ ...issuer.header, x: 1 }))],
  ['a signature cut short', (issuer) => signedBy(issuer).slice(0, -2)],
  ['a signature with more behind it', (issuer) => `${signedBy(issuer)}AAAA`],
  [
    'a signature of zeros',
    (issuer) => swap(issuer, 2, Buffer.alloc(signatureOf(issuer).length).toString('base64url')),
  ],
  [
    'a signature of ones',
    (issuer) =>
      swap(issuer, 2, Buffer.alloc(signatureOf(issuer).length, 255).toString('base64url')),
  ],
  ['a signature of one byte', (issuer) => swap(issuer, 2, 'AA')],
  [
    'the signature of other claims',
    (issuer) => swap(issuer, 2, signedBy(issuer, { ...CLAIMS, sub: 'bob' }).split('.')[2]),
  ],
  [
    'a signature in the other base64',
    (issuer) => swap(issuer, 2, `${signatureOf(issuer).toString('base64').replace(/=*$/, '')}+/==`),
  ],
  ['crit that nobody knows', (issuer) => signedBy(issuer, CLAIMS, { crit: ['x'], x: 1 })],
  ['crit b64', (issuer) => signedBy(issuer, CLAIMS, { crit: ['b64'], b64: true })],
  ['b64 false', (issuer) => signedBy(issuer, CLAIMS, { crit: ['b64'], b64: false })],
  ['b64 without crit', (issuer) => signedBy(issuer, CLAIMS, { b64: true })],
  ['empty crit', (issuer) => signedBy(issuer, CLAIMS, { crit: [] })],
  ['jku', (issuer) => signedBy(issuer, CLAIMS, { jku: 'https://evil.example/keys' })],
  ['jku null', (issuer) => signedBy(issuer, CLAIMS, { jku: null })],
  ['jwk', (issuer) => signedBy(issuer, CLAIMS, { jwk: { kty: 'oct', k: 'AAAA' } })],
  ['x5u', (issuer) => signedBy(issuer, CLAIMS, { x5u: 'https://evil.example/cert' })],
  ['x5c', (issuer) => signedBy(issuer, CLAIMS, { x5c: ['MIIB'] })],
  [
    'the key that it brings along',
    (issuer) => {
      const jwk = OTHER_RSA.publicKey.export({ format: 'jwk' })
      const by = signer('RS256', OTHER_RSA.privateKey)
      return signed(CLAIMS, { by, header: { alg: 'RS256', jwk } }, issuer)
    },
  ],
  ['kid as a number', (issuer) => signedBy(issuer, CLAIMS, { kid: 1 })],
  ['kid null', (issuer) => signedBy(issuer, CLAIMS, { kid: null })],
  ['kid as an object', (issuer) => signedBy(issuer, CLAIMS, { kid: { id: 'one' } })],
  ['no exp', (issuer) => signedBy(issuer, { sub: 'ada' })],
  ['exp as text', (issuer) => signedBy(issuer, { ...CLAIMS, exp: String(CLAIMS.exp) })],
  ['exp null', (issuer) => signedBy(issuer, { ...CLAIMS, exp: null })],
  ['exp beyond all numbers', (issuer) => signedBy(issuer, `{"sub":"ada","exp":1e999}`)],
  ['exp beyond all dates', (issuer) => signedBy(issuer, { ...CLAIMS, exp: 1e15 })],
  ['no sub', (issuer) => signedBy(issuer, { exp: CLAIMS.exp })],
  ['sub empty', (issuer) => signedBy(issuer, { ...CLAIMS, sub: '' })],
  ['sub as a number', (issuer) => signedBy(issuer, { ...CLAIMS, sub: 7 })],
  ['sub as an object', (issuer) => signedBy(issuer, { ...CLAIMS, sub: { id: 'ada' } })],
  ['sub with a line break', (issuer) => signedBy(issuer, { ...CLAIMS, sub: 'ada\n' })],
  ['sub with a colon', (issuer) => signedBy(issuer, { ...CLAIMS, sub: 'chat:ada' })],
  ['sub that is too long', (issuer) => signedBy(issuer, { ...CLAIMS, sub: 'a'.repeat(129) })],
  ['nbf in the future', (issuer) => signedBy(issuer, { ...CLAIMS, nbf: SECONDS + 31 })],
  ['nbf as text', (issuer) => signedBy(issuer, { ...CLAIMS, nbf: 'now' })],
  ['iat in the future', (issuer) => signedBy(issuer, { ...CLAIMS, iat: SECONDS + 31 })],
  ['iat as text', (issuer) => signedBy(issuer, { ...CLAIMS, iat: 'now' })],
  ['jti as a number', (issuer) => signedBy(issuer, { ...CLAIMS, jti: 7 })],
  ['sid as a number', (issuer) => signedBy(issuer, { ...CLAIMS, sid: 7 })],
  ['sid empty', (issuer) => signedBy(issuer, { ...CLAIMS, sid: '' })],
  ['sid that is too long', (issuer) => signedBy(issuer, { ...CLAIMS, sid: 'x'.repeat(129) })],
  ['channels null', (issuer) => signedBy(issuer, { ...CLAIMS, channels: null })],
  ['channels as a list', (issuer) => signedBy(issuer, { ...CLAIMS, channels: ['chat:*'] })],
  [
    'channels with a pattern that is none',
    (issuer) => signedBy(issuer, { ...CLAIMS, channels: { 'chat*': ['*'] } }),
  ],
  [
    'channels with an action that is none',
    (issuer) => signedBy(issuer, { ...CLAIMS, channels: { 'chat:*': ['read'] } }),
  ],
  [
    'channels with a prototype',
    (issuer) =>
      signedBy(issuer, `{"sub":"ada","exp":${CLAIMS.exp},"channels":{"__proto__":["*"]}}`),
  ],
  ['claims that are a list', (issuer) => signedBy(issuer, [])],
  ['claims that are no JSON', (issuer) => signedBy(issuer, '{')],
  ['claims that are null', (issuer) => signedBy(issuer, 'null')],
  ['a header that is no JSON', (issuer) => swap(issuer, 0, base64('{'))],
  ['a header that is a list', (issuer) => swap(issuer, 0, base64('[]'))],
  [
    'an expired token of another key',
    (issuer) => signed({ ...CLAIMS, exp: 1 }, { by: issuer.stranger }, issuer),
  ],
  ['oversize', (issuer) => signedBy(issuer, { ...CLAIMS, more: 'x'.repeat(8192) })],
  ['NUL', (issuer) => `${signedBy(issuer)}\0`],
  ['white space', (issuer) => ` ${signedBy(issuer)}`],
]

/** What only keys of certain kinds could fall for. */
const FORGED_WITH_PUBLIC_KEYS: readonly [string, KeySource, () => string][] = [
  ...(['RS256, PEM', 'ES256, PEM with a kid', 'EdDSA, PEM', 'RS256, key set'] as const).flatMap(
    (name) => {
      const { source, header } = ISSUERS[name] as Issuer
      const pair = header.alg === 'RS256' ? RSA : header.alg === 'ES256' ? EC : ED
      const secrets: [string, Parameters<typeof hmac>[0]][] = [
        ['its PEM', pemOf(pair)],
        ['its PEM without the last line break', pemOf(pair).trimEnd()],
        ['its DER', pair.publicKey.export({ format: 'der', type: 'spki' })],
        ['its JWK', JSON.stringify(pair.publicKey.export({ format: 'jwk' }))],
      ]
      return secrets.map(([what, secret]): [string, KeySource, () => string] => [
        `${name}: HS256 with ${what} as the secret`,
        source,
        () => signed(CLAIMS, { by: hmac(secret), header: { ...header, alg: 'HS256' } }),
      ])
    },
  ),
  ...(['RS384', 'RS512', 'PS256'] as const).map((alg): [string, KeySource, () => string] => [
    `RS256: ${alg} with the same RSA key`,
    fromPem('RS256', RSA),
    () => signed(CLAIMS, { by: signer(alg, RSA.privateKey), header: { alg } }),
  ]),
  [
    'PS256: RS256 with the same RSA key',
    fromPem('PS256', RSA),
    () => signed(CLAIMS, { by: signer('RS256', RSA.privateKey), header: { alg: 'RS256' } }),
  ],
  [
    'PS256: the padding of RS256',
    fromPem('PS256', RSA),
    () => signed(CLAIMS, { by: signer('RS256', RSA.privateKey), header: { alg: 'PS256' } }),
  ],
  [
    'ES256: a signature in DER',
    fromPem('ES256', EC),
    () =>
      signed(CLAIMS, {
        by: (content) => sign('sha256', Buffer.from(content), EC.privateKey),
        header: { alg: 'ES256' },
      }),
  ],
  [
    'ES256: a kid of nobody',
    fromPem('ES256', EC, 'one'),
    () =>
      signed(CLAIMS, { by: signer('ES256', EC.privateKey), header: { alg: 'ES256', kid: 'two' } }),
  ],
  [
    'EdDSA: the name Ed25519',
    fromPem('EdDSA', ED),
    () => signed(CLAIMS, { by: signer('EdDSA', ED.privateKey), header: { alg: 'Ed25519' } }),
  ],
  ...[
    'two',
    'ONE',
    '',
    '../one',
    '/dev/null',
    "' OR 1=1 --",
    '__proto__',
    'constructor',
    'one\0',
  ].map((kid): [string, KeySource, () => string] => [
    `a key set: the kid ${JSON.stringify(kid)}`,
    fromKeySet('RS256', RSA),
    () => signed(CLAIMS, { by: signer('RS256', RSA.privateKey), header: { alg: 'RS256', kid } }),
  ]),
  [
    'a key set: an algorithm that is not accepted with it',
    fromKeySet('RS256', RSA),
    () =>
      signed(CLAIMS, { by: signer('RS512', RSA.privateKey), header: { alg: 'RS512', kid: 'one' } }),
  ],
]

function partsOf(issuer: Issuer): string[] {
  return signedBy(issuer).split('.')
}

function signatureOf(issuer: Issuer): Buffer {
  return Buffer.from(partsOf(issuer)[2] ?? '', 'base64url')
}

/** A good token of which one part is another one. */
function swap(issuer: Issuer, part: 0 | 1 | 2, by = ''): string {
  return partsOf(issuer).with(part, by).join('.')
}

/** Why it is refused; the message gives no part of it away. */
async function reasonFor(token: string, source: KeySource): Promise<string> {
  const { reason, message } = await refusal(token, { sources: [source] })
  const told = token.split('.').find((part) => part.length > 8 && message.includes(part))
  return told === undefined ? reason : message
}

describe.each(Object.entries(ISSUERS))(
  'forged tokens where they are signed with %s',
  (_, issuer) => {
    test.each(FORGED)('are refused: %s', async (_, forge) => {
      expect(await reasonFor(forge(issuer), issuer.source)).toBe('authentication_failed')
    })

    test.each(
      Object.entries(ISSUERS).filter(([, other]) => other.header.alg !== issuer.header.alg),
    )('are refused: those signed with %s', async (_, other) => {
      expect(await reasonFor(signedBy(other), issuer.source)).toBe('authentication_failed')
    })
  },
)

describe('tokens forged for public keys', () => {
  test.each(FORGED_WITH_PUBLIC_KEYS)('are refused: %s', async (_, source, forge) => {
    expect(await reasonFor(forge(), source)).toBe('authentication_failed')
  })
})
