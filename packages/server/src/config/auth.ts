import { z } from 'zod'
import { flag, fromJson, httpUrl, key, oneOf, section, text, whole } from './keys.ts'

const DAY_MS = 24 * 3_600_000
const KEYS_ERROR = 'must be a list of `{ id, sha256 }`, each id once'
const PUBLIC_KEYS_ERROR = 'must be a list of `{ algorithm, file }` or `{ algorithm, pem }`'

/** What other parties sign with: the server holds a public key, so that nobody can use it to sign. */
const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const

const secret = (what: string) => {
  const error = `must be ${what} of at least 32 bytes, such as \`openssl rand -hex 32\` prints`
  return z
    .string({ error })
    .max(4096, { error: 'must be at most 4096 characters' })
    .refine((value) => Buffer.byteLength(value) >= 32, { error })
}

const algorithms = <const T extends readonly string[]>(known: T) =>
  z.array(oneOf(known), { error: `must be a list of ${known.join(', ')}` }).nonempty({
    error: 'must name an algorithm',
  })

const serverKeys = z
  .array(
    section({
      id: text('must be 1 to 32 characters of a-z, 0-9 and -', /^[a-z0-9-]{1,32}$/),
      sha256: text('must be the SHA-256 of the key, 64 hex digits', /^[0-9a-f]{64}$/),
    }),
    { error: KEYS_ERROR },
  )
  .refine((keys) => new Set(keys.map(({ id }) => id)).size === keys.length, { error: KEYS_ERROR })

const publicKeys = z.array(
  section({
    algorithm: oneOf(ASYMMETRIC),
    id: text('must be 1 to 128 characters', /^[^\s]{1,128}$/).exactOptional(),
    pem: text('must be a public key in PEM', /^-----BEGIN [A-Z ]*PUBLIC KEY-----/).exactOptional(),
    file: text('must be a path', /^[^\0]{1,4096}$/).exactOptional(),
  }).refine(({ pem, file }) => (pem === undefined) !== (file === undefined), {
    error: PUBLIC_KEYS_ERROR,
  }),
  { error: PUBLIC_KEYS_ERROR },
)

export const authSection = section({
  jwt_secret: key(secret('a text').optional(), 'Secret that user tokens (JWT) are signed with.', {
    env: 'TIDEWIRE_JWT_SECRET',
    secret: true,
    parse: (value) => value,
  }),
  jwt_algorithms: key(
    algorithms(['HS256', 'HS384', 'HS512']).default(['HS256']),
    'Algorithms that are accepted with the secret; the first one signs.',
  ),
  public_keys: key(
    publicKeys.default([]),
    'Public keys of those who sign user tokens: algorithm, PEM or file, and the `kid` as id when tokens name one.',
  ),
  jwks: section({
    url: key(
      httpUrl().exactOptional(),
      'Where the public keys of an identity provider are (a JSON Web Key Set).',
    ),
    algorithms: key(
      algorithms(ASYMMETRIC).default(['RS256', 'ES256', 'EdDSA']),
      'Algorithms that are accepted with those keys.',
    ),
    refresh_ms: key(
      whole(1000, DAY_MS).default(300_000),
      'Milliseconds after which the key set is fetched again.',
    ),
    max_stale_ms: key(
      whole(1000, 365 * DAY_MS).default(DAY_MS),
      'Milliseconds that keys count which cannot be fetched again; then tokens are unavailable.',
    ),
    allow_private: key(
      flag().default(false),
      'Whether the address may be one of this machine or of a private network.',
    ),
  }).prefault({}),
  issuer: key(
    text('must be 1 to 256 characters without blanks', /^[\x21-\x7e]{1,256}$/).exactOptional(),
    'What `iss` of user tokens must be.',
  ),
  audience: key(
    text('must be 1 to 256 characters without blanks', /^[\x21-\x7e]{1,256}$/).exactOptional(),
    'What `aud` of user tokens must be or hold.',
  ),
  server_keys: key(
    serverKeys.default([]),
    'Keys of backends: id and SHA-256. As variable: `id:sha256,id:sha256`. `tidewire key create` makes others, kept in data.',
    { env: 'TIDEWIRE_SERVER_KEYS', secret: true, parse: parseServerKeys },
  ),
  token_max_age_ms: key(
    whole(1000, 1e13).exactOptional(),
    'Tokens that expire later than this from now are refused.',
  ),
  token_ttl_ms: key(
    whole(1000, 365 * DAY_MS).default(900_000),
    'Milliseconds that a token of POST /v1/tokens is valid.',
  ),
  refresh_ttl_ms: key(
    whole(1000, 3650 * DAY_MS).default(30 * DAY_MS),
    'Milliseconds that a refresh token of POST /v1/tokens is valid.',
  ),
  refresh_grace_ms: key(
    whole(0, 60_000).default(10_000),
    'Milliseconds within which a refresh token that is shown again brings the same successor, if nobody used that; 0: it ends the login.',
  ),
  revalidate_ms: key(
    whole(100, 3_600_000).default(30_000),
    'Milliseconds after which the rights of open subscriptions are looked at again.',
  ),
  hook: section({
    url: key(
      httpUrl().exactOptional(),
      'Address that is asked for permission, for namespaces with `hook: true`.',
    ),
    secret: key(secret('a text').optional(), 'Secret that its requests are signed with.', {
      secret: true,
      parse: (value) => value,
    }),
    timeout_ms: key(
      whole(10, 60_000).default(2_000),
      'Milliseconds it has; then the answer is no.',
    ),
    cache_ms: key(
      whole(0, 3_600_000).default(10_000),
      'Milliseconds that an answer counts; 0 asks every time.',
    ),
    allow_private: key(
      flag().default(false),
      'Whether the address may be one of this machine or of a private network.',
    ),
  }).prefault({}),
})

function parseServerKeys(given: string): unknown {
  if (given.trimStart().startsWith('[')) return fromJson(given)
  const words = given.split(/[\s,]+/).filter((word) => word !== '')
  return words.map((word) => {
    const [id, sha256] = word.split(':')
    return { id, sha256 }
  })
}
