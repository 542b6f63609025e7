import type { Config } from './resolve.ts'

/** What must not run where NODE_ENV is production, as one sentence that says what to do; `undefined` when all is well. */
export function insecure(config: Config): string | undefined {
  const { dev, no_limits, auth } = config
  if (dev) return '`dev` must be false where NODE_ENV is production: it gives out tokens.'
  if (no_limits) {
    return '`no_limits` must be false where NODE_ENV is production: anyone could use up the server.'
  }
  for (const [key, secret] of [
    ['auth.jwt_secret', auth.jwt_secret],
    ['auth.hook.secret', auth.hook.secret],
  ] as const) {
    if (secret !== undefined && isGuessable(secret)) {
      return `\`${key}\` looks like an example: in production it must be random, such as \`openssl rand -hex 32\` prints.`
    }
  }
  if (auth.hook.url !== undefined && auth.hook.secret === undefined) {
    return '`auth.hook.secret` must be set in production: the hook could not tell our requests from others.'
  }
  for (const [key, { url, allow_private }] of [
    ['auth.jwks', auth.jwks],
    ['auth.hook', auth.hook],
  ] as const) {
    if (url?.startsWith('http:') && !allow_private) {
      return `\`${key}.url\` must begin with https: in production, or be in a private network (\`${key}.allow_private\`).`
    }
  }
  return undefined
}

const FEWEST_CHARACTERS = 8
const EXAMPLES =
  /change.?(me|it|this)|your.?(own|secret|key)|example|passwor[dt]|tidewire|(?:secret.*){2}/i
/** What hands type where they should not: long enough that no random secret has one. */
const SEQUENCES = /qwertyui|asdfghjk|1qaz2wsx|12345678|98765432|abcdefgh/i

/** Random hex has its sixteen digits; what people make up repeats itself, or says what it is. */
function isGuessable(secret: string): boolean {
  const hasFew = new Set(secret).size < FEWEST_CHARACTERS
  return hasFew || EXAMPLES.test(secret) || SEQUENCES.test(secret) || isRepeated(secret)
}

/** The same again and again. */
function isRepeated(secret: string): boolean {
  const lengths = Array.from({ length: Math.floor(secret.length / 2) }, (_, i) => i + 1)
  return lengths.some((length) => secret.slice(length) === secret.slice(0, -length))
}
