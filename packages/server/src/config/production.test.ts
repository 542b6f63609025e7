import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ConfigError, type ConfigInput, resolveConfig } from './resolve.ts'

const secret = randomBytes(32).toString('hex')
const env = { NODE_ENV: 'production' }

function refusal(file: ConfigInput): string {
  try {
    resolveConfig({ file, env })
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'nothing'
}

describe('in production', () => {
  test.each<[string, ConfigInput, string]>([
    ['dev', { dev: true }, '`dev` must be false'],
    ['no limits', { no_limits: true }, '`no_limits` must be false'],
    ['a secret of one letter', { auth: { jwt_secret: 'a'.repeat(40) } }, 'looks like an example'],
    ['a secret said again', { auth: { jwt_secret: 'k3x9v2mq81z.'.repeat(3) } }, 'like an example'],
    [
      'a secret that begins again',
      { auth: { jwt_secret: 'r8Kw2pQz7Tn4Vb6Xr8Kw2pQz7Tn4Vb6Xr8Kw' } },
      'like an example',
    ],
    [
      'a secret along the keyboard',
      { auth: { jwt_secret: 'Qwertyuiop[]asdfghjkl;zxcvbnm,./' } },
      'like an example',
    ],
    [
      'a secret that counts',
      { auth: { jwt_secret: '0123456789abcdef0123456789ABCDEF' } },
      'like an example',
    ],
    [
      'a secret from a guide',
      { auth: { jwt_secret: 'please-change-me-before-you-deploy-this' } },
      '`auth.jwt_secret` looks like an example',
    ],
    [
      'a hook whose requests nobody can check',
      { auth: { hook: { url: 'https://app.example.com/may' } } },
      '`auth.hook.secret` must be set',
    ],
    [
      'a hook over plain HTTP',
      { auth: { hook: { url: 'http://app.example.com/may', secret } } },
      '`auth.hook.url` must begin with https:',
    ],
    [
      'keys over plain HTTP',
      { auth: { jwks: { url: 'http://id.example.com/keys' } } },
      '`auth.jwks.url` must begin with https:',
    ],
  ])('%s is refused', (_, file, message) => {
    expect(refusal(file)).toContain(message)
    expect(() => resolveConfig({ file })).not.toThrow()
  })

  test.each(['Production', 'PRODUCTION', ' production '])('which is %j, too', (NODE_ENV) => {
    expect(() => resolveConfig({ file: { dev: true }, env: { NODE_ENV } })).toThrow('`dev` must')
  })

  test('a message repeats no secret', () => {
    const jwt_secret = 'password-password-password-password'
    expect(refusal({ auth: { jwt_secret } })).not.toContain('password')
  })

  test.each<[string, ConfigInput]>([
    ['random secrets', { auth: { jwt_secret: secret } }],
    ['random secrets in base64', { auth: { jwt_secret: randomBytes(32).toString('base64url') } }],
    [
      'a hook in the private network, over plain HTTP',
      { auth: { hook: { url: 'http://10.0.0.7/may', secret, allow_private: true } } },
    ],
  ])('%s are taken', (_, file) => {
    expect(refusal(file)).toBe('nothing')
  })
})

describe('what contradicts itself is refused everywhere', () => {
  test.each<[ConfigInput, string]>([
    [{ tls: { cert_file: 'cert.pem' } }, 'must be set together'],
    [{ namespaces: { orders: { hook: true } } }, '`namespaces.orders.hook` needs `auth.hook.url`'],
  ])('%j', (file, message) => {
    expect(() => resolveConfig({ file })).toThrow(message)
  })
})

describe('lists', () => {
  test.each(['https://app.example.com', 'https://*.example.com', 'http://localhost:3000', '*'])(
    '%s is an origin',
    (origin) => {
      expect(resolveConfig({ file: { origins: [origin] } }).origins).toEqual([origin])
    },
  )

  test.each([
    'app.example.com',
    'https://app.example.com/',
    'https://App.example.com',
    'https://app.example.com:443',
    'https://app.example.com.',
    'https://*example.com',
    'https://a.*.example.com',
    'https://user@example.com',
    'null',
    '',
  ])('%j is none', (origin) => {
    expect(() => resolveConfig({ file: { origins: [origin] } })).toThrow('must be an origin')
  })

  test('come from variables and flags with commas', () => {
    const flags = { origins: 'https://a.example,https://b.example', proxies: '10.0.0.0/8 ::1' }
    const config = resolveConfig({ flags, env: { TIDEWIRE_HOSTS: 'live.example.com, localhost' } })
    expect(config.origins).toEqual(['https://a.example', 'https://b.example'])
    expect(config.proxies).toEqual(['10.0.0.0/8', '::1'])
    expect(config.hosts).toEqual(['live.example.com', 'localhost'])
  })

  test.each(['10.0.0.0/33', '10.0.0', 'fe80::/129', 'proxy', '10.0.0.1/8/8'])(
    '%s is no network',
    (network) => {
      expect(() => resolveConfig({ file: { proxies: [network] } })).toThrow('must be an IP address')
    },
  )
})
