import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyChannel } from '../testing/arbitraries.ts'
import { refusal } from '../testing/outcome.ts'
import { isChannelName, isNamespaceName, namespaceOf } from './channel.ts'
import { jsonCodec } from './codecs/json.ts'

describe('channel names', () => {
  it.each([
    'chat:general',
    'c:x',
    'dm:ada,bob',
    'feed:user@example.org',
    'a-1:b=c/d:e_f.g-h',
    'chat:__proto__',
    'chat:constructor',
    'chat:..',
    'chat:../admin',
    `${'n'.repeat(32)}:${'r'.repeat(200)}`,
  ])('%s is a name', (name) => {
    expect(isChannelName(name)).toBe(true)
  })

  it.each<[why: string, name: unknown]>([
    ['no namespace', 'general'],
    ['an empty namespace', ':general'],
    ['an empty rest', 'chat:'],
    ['an upper-case namespace', 'Chat:general'],
    ['a namespace that begins with a digit', '1chat:general'],
    ['a namespace of 33 characters', `${'n'.repeat(33)}:x`],
    ['a rest of 201 characters', `chat:${'r'.repeat(201)}`],
    ['256 characters', `chat:${'r'.repeat(251)}`],
    ['a composed é (NFC)', 'chat:caf\u00E9'],
    ['a decomposed é (NFD)', 'chat:cafe\u0301'],
    ['a full-width letter', 'chat:\uFF41'],
    ['a Cyrillic letter', 'ch\u0430t:general'],
    ['%2f', 'chat:a%2fb'],
    ['NUL', 'chat:a\u0000'],
    ['a line feed at the end', 'chat:general\n'],
    ['a space', 'chat:a b'],
    ['the separator of cursors', 'chat:a~b'],
    ['a wildcard', 'chat:*'],
    ['a backslash', 'chat:a\\b'],
    ['a number', 7],
    ['a list with a name', ['chat:general']],
    ['nothing', undefined],
  ])('refuses %s', (_, name) => {
    expect(isChannelName(name)).toBe(false)
    expect(refusal(() => namespaceOf(name))).toMatch(/^bad_envelope: The channel name is not valid/)
  })

  it('are used exactly as they were authorised', () => {
    const codec = jsonCodec()
    fc.assert(
      fc.property(anyChannel, (channel) => {
        const { metadata } = codec.decode(
          codec.encode({ type: 'm', payload: {}, metadata: { channel } }),
        )
        expect(metadata.channel).toBe(channel)
        expect(namespaceOf(channel)).toBe(channel.split(':')[0])
        expect(isNamespaceName(namespaceOf(channel))).toBe(true)
        // In the path of an HTTP request.
        expect(decodeURIComponent(encodeURIComponent(channel))).toBe(channel)
      }),
      { numRuns: 1000 },
    )
  })

  it('stay apart, and the same, under every normalisation that a store or a proxy may apply', () => {
    fc.assert(
      fc.property(anyChannel, anyChannel, (one, other) => {
        for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD']) {
          expect(one.normalize(form)).toBe(one)
          expect(one.normalize(form) === other.normalize(form)).toBe(one === other)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('are never made valid by a normalisation: what is not a name stays refused as it came', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (rest) => {
        const name = `chat:${rest}`
        expect(isChannelName(name)).toBe(/^[A-Za-z0-9_.,=@/:-]{1,200}$/.test(rest))
      }),
      { numRuns: 1000 },
    )
  })
})
