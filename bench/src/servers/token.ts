import { createHmac, timingSafeEqual } from 'node:crypto'

/** Signs and checks user tokens, JWT by HS256, with nothing but Node's own functions. */

export function signToken(user: string, secret: string, lifetimeSeconds: number): string {
  const header = encode({ alg: 'HS256', typ: 'JWT' })
  const now = Math.floor(Date.now() / 1000)
  const text = `${header}.${encode({ sub: user, iat: now, exp: now + lifetimeSeconds })}`
  return `${text}.${signature(text, secret).toString('base64url')}`
}

/** The user; undefined when the token is forged or has expired. */
export function verifyToken(token: string, secret: string): string | undefined {
  const [header = '', claims = '', given = ''] = token.split('.')
  if (decode(header)['alg'] !== 'HS256') return undefined
  const expected = signature(`${header}.${claims}`, secret)
  const shown = Buffer.from(given, 'base64url')
  if (shown.length !== expected.length || !timingSafeEqual(shown, expected)) return undefined
  const { sub, exp } = decode(claims)
  if (typeof sub !== 'string' || typeof exp !== 'number') return undefined
  return exp * 1000 > Date.now() ? sub : undefined
}

function signature(text: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(text).digest()
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decode(part: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}
