import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CONFIG_KEYS, ConfigError, type ConfigSources, resolveConfig } from './resolve.ts'
import { createVapidPair, isVapidPair, readVapidPair } from './vapid.ts'

const problem = (sources: ConfigSources): string => {
  try {
    resolveConfig(sources)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('This configuration was taken.')
}
const features = (sources: ConfigSources) => resolveConfig(sources).features

describe('the features of a configuration', () => {
  it('are none, all under dev, or those that are named', () => {
    expect(features({})).toEqual({})
    const all = ['presence', 'chat', 'notifications', 'feed', 'uploads']
    expect(Object.keys(features({ file: { dev: true } }))).toEqual(all)
    expect(Object.keys(features({ file: { dev: true, features: ['chat'] } }))).toEqual(['chat'])
    expect(features({ file: { features: { chat: null, feed: true, presence: false } } })).toEqual({
      chat: {},
      feed: {},
    })
  })

  it('have options, which a list of names in a flag or a variable keeps', () => {
    const file = { features: { chat: { typing_ms: 200 }, uploads: { max_bytes: 5 }, feed: {} } }
    expect(features({ file }).chat).toEqual({ typing_ms: 200 })
    const named = features({ file, env: { TIDEWIRE_FEATURES: 'chat,presence' } })
    expect(named).toEqual({ chat: { typing_ms: 200 }, presence: {} })
    expect(features({ file, flags: { features: 'feed' } })).toEqual({ feed: {} })
  })

  it('take options from variables, which switch nothing on', () => {
    const env = {
      TIDEWIRE_FEATURES__CHAT__TYPING_MS: '300',
      TIDEWIRE_FEATURES__UPLOADS__TYPES: 'image/png,image/gif',
    }
    expect(features({ env })).toEqual({})
    const both = features({ file: { features: ['chat', 'uploads'] }, env })
    expect(both.chat).toEqual({ typing_ms: 300 })
    expect(both.uploads?.types).toEqual(['image/png', 'image/gif'])
  })

  it('survive being given to a server again', () => {
    const file = { features: { uploads: { max_bytes: 5 }, notifications: { keep: 7 } } }
    const config = resolveConfig({ file })
    expect(resolveConfig({ file: config }).features).toEqual(config.features)
  })

  it.each([
    [
      { features: 'chat' },
      '`features` in tidewire.yaml must be a list of presence, chat, notifications, feed, uploads, or a group of them with their options.',
    ],
    [
      { features: ['chat', 'nope'] },
      '`features` in tidewire.yaml must be a list of presence, chat, notifications, feed, uploads, or a group of them with their options.',
    ],
    [
      { features: { chatt: {} } },
      'Unknown key `features.chatt` in tidewire.yaml. Did you mean `features.chat`?',
    ],
    [
      { features: { chat: { typing: 5 } } },
      'Unknown key `features.chat.typing` in tidewire.yaml. Did you mean `features.chat.typing_ms`?',
    ],
    [{ features: { chat: 5 } }, '`features.chat` in tidewire.yaml must be a group of keys.'],
    [
      { features: { uploads: { max_bytes: 0 } } },
      '`features.uploads.max_bytes` in tidewire.yaml must be a whole number from 1 to 5368709120.',
    ],
    [
      { features: { uploads: { store: 's3', s3: { bucket: 'files' } } } },
      '`features.uploads.s3.endpoint` must be set where `features.uploads.store` is s3.',
    ],
    [
      { features: { notifications: { web_push: { subject: 'ops' } } } },
      '`features.notifications.web_push.subject` in tidewire.yaml must be a mailto: or https: address.',
    ],
  ])('say what is wrong: %j', (file, message) => {
    expect(problem({ file })).toBe(message)
  })

  it('name the flag and the variable that are wrong', () => {
    expect(problem({ flags: { features: 'chat,nope' } })).toMatch(/^`--features` must be a list/)
    const env = { TIDEWIRE_FEATURES: 'chat', TIDEWIRE_FEATURES__CHAT__TYPING_MS: 'soon' }
    expect(problem({ env })).toMatch(/^`TIDEWIRE_FEATURES__CHAT__TYPING_MS` must be a whole number/)
  })
})

describe('the keys of Web Push', () => {
  const webPush = (web_push: object) => ({ file: { features: { notifications: { web_push } } } })

  it('are a pair', () => {
    const pair = createVapidPair()
    expect(isVapidPair(pair)).toBe(true)
    expect(features(webPush(pair)).notifications?.web_push).toEqual({ enabled: true, ...pair })
    const { public_key } = createVapidPair()
    expect(problem(webPush({ ...pair, public_key }))).toContain('must be a pair')
    expect(problem(webPush({ public_key }))).toContain('must be set together')
    expect(problem(webPush({ ...pair, key_file: 'keys.json' }))).toContain('not both')
  })

  it('never show the private one, which a variable or its file can hold', () => {
    const path = 'features.notifications.web_push.private_key'
    expect(CONFIG_KEYS.find((key) => key.path === path)?.secret).toBe(true)
    const { public_key, private_key } = createVapidPair()
    expect(problem(webPush({ public_key, private_key: `${private_key}!` }))).not.toContain(
      private_key,
    )
    const env = { TIDEWIRE_FEATURES__NOTIFICATIONS__WEB_PUSH__PRIVATE_KEY: private_key }
    expect(features({ ...webPush({ public_key }), env }).notifications?.web_push.private_key).toBe(
      private_key,
    )
  })

  it('are read from a file', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidewire-vapid-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const path = join(directory, 'keys.json')
    const pair = createVapidPair()
    writeFileSync(path, JSON.stringify(pair))
    expect(readVapidPair(path)).toEqual(pair)
    writeFileSync(path, JSON.stringify({ ...pair, private_key: createVapidPair().private_key }))
    expect(() => readVapidPair(path)).toThrow('holds no pair of keys')
    expect(() => readVapidPair(join(directory, 'none'))).toThrow('ENOENT')
  })
})
