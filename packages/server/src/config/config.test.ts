import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FEATURES } from './features.ts'
import {
  CONFIG_KEYS,
  type Config,
  ConfigError,
  type ConfigSources,
  resolveConfig,
  resolvePolicy,
} from './resolve.ts'

const SECRET = 'a secret of at least thirty-two bytes'

function refusal(sources: ConfigSources): string {
  try {
    resolveConfig(sources)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('The configuration was accepted.')
}

describe('layers', () => {
  test('without any source every key has its default', () => {
    const config = resolveConfig()
    expect(config).toMatchObject({
      host: '0.0.0.0',
      port: 8080,
      data: './.tidewire',
      dev: false,
      ops: { host: '127.0.0.1', port: 9090 },
      log: { level: 'info' },
      storage: { min_free_bytes: 64 * 1024 * 1024 },
      heartbeat_ms: 25_000,
    })
    expect(Object.keys(config.namespaces)).toEqual([])
  })

  test('flags go before variables, variables before the file', () => {
    const file = { port: 1, data: 'file', limits: { max_keys: 5, max_depth: 6 } }
    const env = { TIDEWIRE_PORT: '2', TIDEWIRE_LIMITS__MAX_KEYS: '7' }
    const config = resolveConfig({ file, env, flags: { port: '3', data: undefined } })
    expect(config).toMatchObject({ port: 3, data: 'file', limits: { max_keys: 7, max_depth: 6 } })
  })

  test('an empty file and empty variables say nothing', () => {
    const config = resolveConfig({ file: null, env: { TIDEWIRE_PORT: '' } })
    expect(config.port).toBe(8080)
  })

  test('texts of variables and flags become numbers, booleans and null', () => {
    const config = resolveConfig({
      env: { TIDEWIRE_DEV: 'true', TIDEWIRE_OPS__PORT: 'null', TIDEWIRE_DATA: '123' },
    })
    expect(config).toMatchObject({ dev: true, ops: { port: null }, data: '123' })
    expect(resolveConfig({ flags: { 'ops-port': 'off' } }).ops.port).toBeNull()
  })

  test('the bounds of the storage can come from variables', () => {
    const env = { TIDEWIRE_STORAGE__MIN_FREE_BYTES: '0', TIDEWIRE_STORAGE__MAX_BYTES: '1048576' }
    expect(resolveConfig({ env }).storage).toMatchObject({
      min_free_bytes: 0,
      max_bytes: 1_048_576,
    })
    expect(refusal({ env: { TIDEWIRE_STORAGE__MAX_BYTES: '1' } })).toMatch(
      /^`TIDEWIRE_STORAGE__MAX_BYTES` must be a whole number from 1048576 to /,
    )
  })

  test('namespaces can come from one variable', () => {
    const TIDEWIRE_NAMESPACES = '{"news":{"publish":"server","subscribe":"anyone"}}'
    expect(resolveConfig({ env: { TIDEWIRE_NAMESPACES } }).namespaces['news']).toEqual({
      durability: 'memory',
      publish: 'server',
      subscribe: 'anyone',
      history: 'anyone',
      presence: 'anyone',
      hook: false,
      retention: {},
      min_flush_interval_ms: 1,
    })
  })
})

describe('dev', () => {
  test('brings three open namespaces, listens on loopback and logs warnings only', () => {
    const config = resolveConfig({ flags: { dev: true } })
    expect(config).toMatchObject({
      host: '127.0.0.1',
      log: { level: 'warn' },
      namespaces: {
        chat: { durability: 'durable', publish: 'user', subscribe: 'user', history: 'user' },
        live: { durability: 'memory' },
        signal: { durability: 'none' },
      },
    })
  })

  test('a namespace of the file replaces the whole policy of dev', () => {
    const file = { dev: true, namespaces: { chat: { subscribe: 'server' }, more: {} } }
    const { namespaces } = resolveConfig({ file })
    expect(namespaces['chat']).toMatchObject({ durability: 'memory', publish: 'server' })
    expect(Object.keys(namespaces)).toEqual(['chat', 'live', 'signal', 'more'])
  })

  test('is refused in production', () => {
    const sources = { env: { NODE_ENV: 'production' }, flags: { dev: true } }
    expect(refusal(sources)).toContain('`dev` must be false where NODE_ENV is production')
  })

  test('two configurations share nothing that can be changed', () => {
    const one = resolveConfig({ flags: { dev: true } })
    Object.assign(one.namespaces['chat'] ?? {}, { publish: 'anyone' })
    expect(resolveConfig({ flags: { dev: true } }).namespaces['chat']?.publish).toBe('user')
  })
})

describe('secrets', () => {
  const file = (content: string): string => {
    const path = join(mkdtempSync(join(tmpdir(), 'tidewire-config-')), 'secret')
    writeFileSync(path, content)
    return path
  }

  test('can be read from a file that a variable names', () => {
    const env = { TIDEWIRE_JWT_SECRET_FILE: file(`${SECRET}\n`) }
    expect(resolveConfig({ env }).auth.jwt_secret).toBe(SECRET)
  })

  test('that are given twice are refused', () => {
    const env = { TIDEWIRE_JWT_SECRET: SECRET, TIDEWIRE_JWT_SECRET_FILE: file(SECRET) }
    expect(refusal({ env })).toBe(
      'Set `TIDEWIRE_JWT_SECRET` or `TIDEWIRE_JWT_SECRET_FILE`, not both.',
    )
  })

  test('in a file that is not there are refused', () => {
    expect(refusal({ env: { TIDEWIRE_JWT_SECRET_FILE: '/nowhere/at/all' } })).toBe(
      'The file that `TIDEWIRE_JWT_SECRET_FILE` names cannot be read.',
    )
  })

  test('that look like JSON stay text', () => {
    const secret = `"${'1'.repeat(40)}"`
    expect(resolveConfig({ env: { TIDEWIRE_JWT_SECRET: secret } }).auth.jwt_secret).toBe(secret)
  })

  test('are never repeated in a message', () => {
    const env = { TIDEWIRE_JWT_SECRET: 'hunter2', TIDEWIRE_SERVER_KEYS: 'hunter3:hunter4' }
    expect(refusal({ env })).not.toContain('hunter')
  })

  test('server keys come as a list or as `id:sha256` pairs', () => {
    const keys = ['a', 'b'].map((id) => ({ id, sha256: id.repeat(64) }))
    const pairs = keys.map(({ id, sha256 }) => `${id}:${sha256}`).join(', ')
    for (const text of [JSON.stringify(keys), pairs]) {
      const config = resolveConfig({ env: { TIDEWIRE_SERVER_KEYS: text } })
      expect(config.auth.server_keys).toEqual(keys)
    }
  })
})

describe('what is refused, and how', () => {
  test.each<[string, ConfigSources]>([
    ['Unknown key `portt` in tidewire.yaml. Did you mean `port`?', { file: { portt: 1 } }],
    [
      'Unknown key `max_channels` in tidewire.yaml. Did you mean `limits.max_channels`?',
      { file: { max_channels: 1 } },
    ],
    [
      'Unknown key `namespaces.chat.durabilty` in my.json. Did you mean `namespaces.chat.durability`?',
      { file: { namespaces: { chat: { durabilty: 'none' } } }, fileName: 'my.json' },
    ],
    ['Unknown key `colour` in tidewire.yaml.', { file: { colour: 1 } }],
    ['Unknown flag `--prt`.', { flags: { prt: 1 } }],
    [
      'Unknown variable `TIDEWIRE_OPS__PRT`. Did you mean `TIDEWIRE_OPS__PORT`?',
      { env: { TIDEWIRE_OPS__PRT: '1' } },
    ],
    [
      'Unknown variable `TIDEWIRE_AUTH__JWT_SECRET`. Did you mean `TIDEWIRE_JWT_SECRET`?',
      { env: { TIDEWIRE_AUTH__JWT_SECRET: SECRET } },
    ],
    [
      'Unknown variable `TIDEWIRE_NAMESPACES__CHAT__PUBLISH`. Did you mean `TIDEWIRE_NAMESPACES`?',
      { env: { TIDEWIRE_NAMESPACES__CHAT__PUBLISH: 'user' } },
    ],
    ['Unknown variable `TIDEWIRE_LIMITS__COLOUR`.', { env: { TIDEWIRE_LIMITS__COLOUR: '1' } }],
    ['`--port` must be a whole number from 0 to 65535.', { flags: { port: '8O8O' } }],
    ['`TIDEWIRE_PORT` must be a whole number from 0 to 65535.', { env: { TIDEWIRE_PORT: 'NaN' } }],
    ['`port` in tidewire.yaml must be a whole number from 0 to 65535.', { file: { port: 1.5 } }],
    ['`dev` in tidewire.yaml must be true or false.', { file: { dev: 'yes' } }],
    [
      '`limits.max_depth` in tidewire.yaml must be a whole number from 1 to 512.',
      { file: { limits: { max_depth: Number.POSITIVE_INFINITY } } },
    ],
    ['`ops` in tidewire.yaml must be a group of keys.', { file: { ops: 9090 } }],
    ['tidewire.yaml must be a group of keys.', { file: 'port: 8080' }],
    [
      '`namespaces.Chat` in tidewire.yaml must be named with 1 to 32 characters of a-z, 0-9 and -, beginning with a letter.',
      { file: { namespaces: { Chat: {} } } },
    ],
    [
      '`namespaces.chat.publish` in tidewire.yaml must be one of anyone, user, member, owner, server.',
      { file: { namespaces: { chat: { publish: 'everyone' } } } },
    ],
    [
      '`limits.max_outbox_bytes` must be at least `limits.max_frame_bytes`.',
      { file: { limits: { max_outbox_bytes: 1024 } } },
    ],
    [
      '`auth.server_keys` in tidewire.yaml must be a list of `{ id, sha256 }`, each id once.',
      { file: { auth: { server_keys: [1, 2].map(() => ({ id: 'a', sha256: '0'.repeat(64) })) } } },
    ],
  ])('%s', (message, sources) => {
    expect(refusal(sources)).toBe(message)
  })
})

test('a namespace called like a property of every object is not there until it is configured', () => {
  expect(resolveConfig().namespaces['constructor']).toBeUndefined()
  const file = { namespaces: { constructor: { publish: 'user' } } }
  expect(resolveConfig({ file }).namespaces['constructor']?.publish).toBe('user')
})

test('the policy of a namespace that code adds follows the same rules', () => {
  expect(resolvePolicy('news', { publish: 'user' })).toMatchObject({ history: 'user' })
  expect(() => resolvePolicy('__proto__', {})).toThrow(ConfigError)
  expect(() => resolvePolicy('news', { publish: 'all' as 'user' })).toThrow(
    '`namespaces.news.publish` in server.namespace() must be one of anyone, user, member, owner, server.',
  )
})

test.each(CONFIG_KEYS)('$path has a doc line', ({ doc }) => {
  expect(doc).toMatch(/\.$/)
})

test('the page of the documentation has a row for each key, and for nothing else', () => {
  const page = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `([^`]+)`/gm)].map(([, path]) => path)
  expect(rows.toSorted()).toEqual(CONFIG_KEYS.map(({ path }) => path).toSorted())
})

test('variables that are no path of a key, or say nothing, are not looked at', () => {
  const env = { TIDEWIRE_TOKEN: 'a', TIDEWIRE_SERVICE_HOST: 'b', TIDEWIRE_OPS__PRT: '' }
  expect(resolveConfig({ env })).toEqual(resolveConfig())
})

test.each(CONFIG_KEYS.flatMap(({ env }) => env ?? []))('%s is read', (env) => {
  const file = { features: [...FEATURES] }
  expect(refusal({ file, env: { [env]: '\0' } })).toContain(env)
})

// P13 of the test programme: a NaN limit would be no limit.
describe('whatever is given', () => {
  const known = CONFIG_KEYS.filter(({ env }) => env !== undefined)
  const value = fc.oneof(
    fc.constantFrom('1', '8080', 'true', 'null', 'NaN', '-1', '1e999', '[]', '{}', 'durable', ''),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1, 70_000, 1.5, null, true),
    fc.anything(),
  )
  const few = { maxKeys: 2 }
  const file = fc.oneof(
    fc.anything(),
    fc.dictionary(fc.constantFrom(...sections()), value, few),
    fc.dictionary(
      fc.constantFrom('limits', 'ops', 'auth', 'log', 'namespaces'),
      fc.dictionary(fc.oneof(fc.constantFrom(...names()), fc.string()), value, few),
      few,
    ),
  )
  const env = fc.dictionary(
    fc.constantFrom(...known.map(({ env }) => env ?? '')),
    fc.oneof(fc.string(), fc.nat().map(String)),
    few,
  )
  const flags = fc.dictionary(
    fc.constantFrom(...known.flatMap(({ flag }) => flag ?? []), 'unknown'),
    value,
    few,
  )

  test('comes out as a configuration in which every number has bounds, or as a ConfigError', () => {
    let accepted = 0
    fc.assert(
      fc.property(fc.record({ file, env, flags }, { requiredKeys: [] }), (sources) => {
        const { config, error } = outcome(sources)
        expect(error?.message ?? 'none').toMatch(/^[^\p{C}]{1,400}$/u)
        if (config !== undefined) accepted += 1
        for (const number of numbers(config)) expect(number).toSatisfy(Number.isSafeInteger)
        for (const limit of rates(config?.limits)) expect(limit).toBeGreaterThan(0)
      }),
      { numRuns: 2000 },
    )
    expect(accepted).toBeGreaterThan(50)
  })

  function sections(): string[] {
    return [...new Set(CONFIG_KEYS.map(({ path }) => path.split('.')[0] ?? ''))]
  }

  function names(): string[] {
    return [...CONFIG_KEYS.map(({ path }) => path.split('.').at(-1) ?? ''), '__proto__', 'chat']
  }

  function outcome(sources: ConfigSources): { config?: Config; error?: ConfigError } {
    try {
      return { config: resolveConfig(sources) }
    } catch (error) {
      if (error instanceof ConfigError) return { error }
      throw error
    }
  }

  function numbers(config: Config | undefined): number[] {
    if (config === undefined) return []
    const { port, heartbeat_ms, shutdown_ms, ops, limits, namespaces } = config
    const retentions = Object.values(namespaces).flatMap(({ retention }) =>
      Object.values(retention),
    )
    const whole = Object.values(limits).filter((limit) => typeof limit === 'number')
    return [port, heartbeat_ms, shutdown_ms, ops.port ?? 0, ...whole, ...retentions]
  }

  /** Every burst and rate of the limits. Only `max_waiting` may be nothing: then nobody waits. */
  function rates(limits: Config['limits'] | undefined): unknown[] {
    return Object.values(limits ?? {}).flatMap((limit): unknown[] =>
      typeof limit === 'object' ? Object.values(limit).flatMap(Object.values) : [],
    )
  }
})
