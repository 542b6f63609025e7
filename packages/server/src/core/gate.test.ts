import { ProtocolError } from '@tidewire/protocol'
import { describe, expect, it } from 'vitest'
import { MemoryBroker } from '../brokers/memory.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { Gate, type GateOptions } from './gate.ts'
import { Namespaces, type Policy } from './namespaces.ts'
import type { Rule } from './permissions.ts'
import type { Actor } from './ports/actor.ts'
import type { Authorizer, Question } from './ports/authorizer.ts'
import { type Action, parseCapabilities } from './ports/capabilities.ts'

const RULED = ['publish', 'subscribe', 'history', 'presence'] as const
const RULES: readonly Rule[] = ['anyone', 'user', 'member', 'owner', 'server']

const ANYONE: Actor = { kind: 'anyone' }
const ADA: Actor = { kind: 'user', user: 'ada' }
const MEMBER: Actor = { kind: 'user', user: 'mia' }
const BACKEND: Actor = { kind: 'server', key_id: 'k' }

function claiming(channels: Record<string, string[]>, user = 'eve'): Actor {
  return { kind: 'user', user, channels: parseCapabilities(channels) }
}

interface World extends Partial<GateOptions> {
  policy?: Partial<Policy>
}

/** `app:*` by the policy, of which `mia` is a member everywhere. */
function gateOf({ policy = {}, ...options }: World): Gate {
  const namespaces = new Namespaces()
  const broker = new MemoryBroker({ clock: new FakeClock(), newId: () => 'id' })
  const all = Object.fromEntries(RULED.map((action) => [action, 'anyone'])) as Record<Action, Rule>
  const whole: Policy = {
    durability: 'memory',
    hook: false,
    retention: {},
    min_flush_interval_ms: 0,
    ...all,
    ...policy,
  }
  namespaces.add({ name: 'app', policy: whole, broker })
  return new Gate({
    namespaces,
    members: { has: (_, user) => user === 'mia' },
    hook: undefined,
    callback: undefined,
    onError: (error) => {
      throw error
    },
    ...options,
  })
}

/** What `permit` comes to: `yes`, or the reason of the refusal. */
async function outcome(gate: Gate, actor: Actor, action: Action, channel: string): Promise<string> {
  try {
    await gate.permit(actor, action, channel)
    return 'yes'
  } catch (error) {
    if (error instanceof ProtocolError) return error.reason
    throw error
  }
}

/** Only this action has the rule; the others are open, or closed. */
function only(action: (typeof RULED)[number], rule: Rule): Gate {
  const other: Rule = rule === 'server' ? 'anyone' : 'server'
  const rest = Object.fromEntries(RULED.map((name) => [name, other]))
  return gateOf({ policy: { ...rest, [action]: rule } })
}

describe('the rule of a namespace', () => {
  // By role: which rules let it do something in a channel that is named after ada.
  const roles: [string, Actor, readonly Rule[]][] = [
    ['nobody in particular', ANYONE, ['anyone']],
    ['a user', { kind: 'user', user: 'eve' }, ['anyone', 'user']],
    ['a member', MEMBER, ['anyone', 'user', 'member']],
    ['the owner', ADA, ['anyone', 'user', 'owner']],
    ['a server key', BACKEND, RULES],
    ['a server key that acts for a user', { ...BACKEND, user: 'eve' }, RULES],
  ]
  const table = roles.flatMap(([role, actor, allowed]) =>
    RULES.flatMap((rule) =>
      RULED.map((action) => [role, action, rule, actor, allowed.includes(rule)] as const),
    ),
  )

  it.each(table)('lets %s %s by `%s` as it should', async (_, action, rule, actor, isAllowed) => {
    const refusal = actor.kind === 'anyone' ? 'authentication_required' : 'forbidden'
    const expected = isAllowed ? 'yes' : refusal
    expect(await outcome(only(action, rule), actor, action, 'app:ada')).toBe(expected)
  })

  it.each(RULES)('never lets anybody but a server key call: %s', async (rule) => {
    const gate = gateOf({ policy: { publish: rule, subscribe: rule } })
    const outcomes = [ANYONE, ADA, MEMBER, BACKEND].map((actor) =>
      outcome(gate, actor, 'call', 'app:ada'),
    )
    expect(await Promise.all(outcomes)).toEqual([
      'authentication_required',
      'forbidden',
      'forbidden',
      'yes',
    ])
  })

  it.each([
    ['app:ada', true],
    ['app:ada/items', true],
    ['app:ada:items', true],
    ['app:bob,ada', true],
    ['app:ada,bob/items', true],
    ['app:adam', false],
    ['app:Ada', false],
    ['app:items/ada', false],
    ['app:bob/ada,eve', false],
  ])('knows whether ada owns %s', async (channel, isOwner) => {
    const gate = gateOf({ policy: { publish: 'owner' } })
    expect(await outcome(gate, ADA, 'publish', channel)).toBe(isOwner ? 'yes' : 'forbidden')
  })

  it.each([
    ['Chat:a', 'bad_envelope'],
    ['app:', 'bad_envelope'],
    ['app:a b', 'bad_envelope'],
    ['other:a', 'not_found'],
    ['__proto__:a', 'bad_envelope'],
    ['constructor:a', 'not_found'],
  ])('is none for %s, whoever asks', async (channel, reason) => {
    for (const actor of [ANYONE, ADA, BACKEND]) {
      expect(await outcome(gateOf({}), actor, 'subscribe', channel)).toBe(reason)
    }
  })
})

describe('a token with `channels`', () => {
  const table: [string, Record<string, string[]>, Action, string, boolean][] = [
    ['the channel', { 'app:a': ['publish'] }, 'publish', 'app:a', true],
    ['all actions', { 'app:a': ['*'] }, 'history', 'app:a', true],
    ['another action', { 'app:a': ['publish'] }, 'subscribe', 'app:a', false],
    ['another channel', { 'app:a': ['publish'] }, 'publish', 'app:b', false],
    ['a longer name', { 'app:a': ['publish'] }, 'publish', 'app:ab', false],
    ['a prefix', { 'app:a*': ['publish'] }, 'publish', 'app:ab', true],
    ['the prefix itself', { 'app:a*': ['publish'] }, 'publish', 'app:a', true],
    ['another prefix', { 'app:b*': ['publish'] }, 'publish', 'app:ab', false],
    ['the namespace', { 'app:*': ['publish'] }, 'publish', 'app:x/y', true],
    ['another namespace', { 'appx:*': ['publish'] }, 'publish', 'app:x', false],
    ['everything', { '*': ['publish'] }, 'publish', 'app:x', true],
    [
      'one of two patterns',
      { 'app:a': ['history'], 'app:*': ['publish'] },
      'publish',
      'app:a',
      true,
    ],
    ['nothing', {}, 'publish', 'app:a', false],
    ['no action', { 'app:*': [] }, 'publish', 'app:a', false],
    ['another case', { 'app:A': ['publish'] }, 'publish', 'app:a', false],
  ]

  it.each(table)('grants what %s says', async (_, channels, action, channel, isAllowed) => {
    // Whatever the namespace says: its rules are for tokens without a claim.
    for (const rule of RULES) {
      const policy = Object.fromEntries(RULED.map((name) => [name, rule]))
      const answer = await outcome(gateOf({ policy }), claiming(channels), action, channel)
      expect(answer).toBe(isAllowed ? 'yes' : 'forbidden')
    }
  })

  it('does not make its user the owner or a member', async () => {
    const gate = gateOf({ policy: { publish: 'owner', subscribe: 'member' } })
    expect(await outcome(gate, claiming({}, 'ada'), 'publish', 'app:ada')).toBe('forbidden')
    expect(await outcome(gate, claiming({}, 'mia'), 'subscribe', 'app:a')).toBe('forbidden')
  })
})

describe('who is asked besides the rule', () => {
  const answers: [string, Authorizer['authorize'], string][] = [
    ['yes', () => true, 'yes'],
    ['no', () => false, 'forbidden'],
    ['yes, later', () => Promise.resolve(true), 'yes'],
    ['no, later', () => Promise.resolve(false), 'forbidden'],
    ['that it cannot tell', () => Promise.reject(unavailable()), 'unavailable'],
    [
      'that it cannot tell, at once',
      () => {
        throw unavailable()
      },
      'unavailable',
    ],
  ]
  const hooked = { policy: { hook: true } }

  it.each(answers)('the hook says %s', async (_, authorize, expected) => {
    const gate = gateOf({ ...hooked, hook: { authorize } })
    expect(await outcome(gate, ADA, 'publish', 'app:a')).toBe(expected)
    // It can only refuse: what the rule refuses it is not asked.
    const closed = gateOf({ policy: { hook: true, publish: 'server' }, hook: { authorize } })
    expect(await outcome(closed, ADA, 'publish', 'app:a')).toBe('forbidden')
  })

  it.each(answers)('the application says %s', async (_, authorize, expected) => {
    const gate = gateOf({ callback: { authorize } })
    expect(await outcome(gate, ADA, 'publish', 'app:a')).toBe(expected)
    expect(await outcome(gate, claiming({ '*': ['*'] }), 'publish', 'app:a')).toBe(expected)
  })

  it.each(answers)('the members say %s', async (_, has, expected) => {
    const question = { actor: ADA, action: 'publish', channel: 'app:a' } as const
    const gate = gateOf({ policy: { publish: 'member' }, members: { has: () => has(question) } })
    expect(await outcome(gate, ADA, 'publish', 'app:a')).toBe(expected)
  })

  it('both have to say yes, the hook first', async () => {
    for (const [hookSays, , hookComesTo] of answers.map(
      ([name, ask, is]) => [ask, name, is] as const,
    )) {
      for (const [callbackSays, callbackComesTo] of answers.map(
        ([, ask, is]) => [ask, is] as const,
      )) {
        const gate = gateOf({
          ...hooked,
          hook: { authorize: hookSays },
          callback: { authorize: callbackSays },
        })
        const expected = hookComesTo === 'yes' ? callbackComesTo : hookComesTo
        expect(await outcome(gate, ADA, 'publish', 'app:a')).toBe(expected)
      }
    }
  })

  it('learn who asks for what', async () => {
    const questions: Question[] = []
    const authorize = (question: Question): boolean => questions.push(question) > 0
    const gate = gateOf({ ...hooked, hook: { authorize }, callback: { authorize } })
    await gate.permit(ADA, 'history', 'app:a')
    const question = { actor: ADA, action: 'history', channel: 'app:a' }
    expect(questions).toEqual([question, question])
  })

  it('are not asked about server keys, nor about what the rule refuses', async () => {
    const authorize = (): boolean => {
      throw new Error('asked')
    }
    const gate = gateOf({
      policy: { hook: true, publish: 'owner' },
      hook: { authorize },
      callback: { authorize },
    })
    expect(await outcome(gate, BACKEND, 'publish', 'app:a')).toBe('yes')
    expect(await outcome(gate, ADA, 'publish', 'app:a')).toBe('forbidden')
  })

  it('close the namespace that wants a hook where there is none', async () => {
    expect(await outcome(gateOf(hooked), ADA, 'publish', 'app:a')).toBe('forbidden')
  })

  it.each([
    [
      'throw',
      () => {
        throw new Error('broken')
      },
    ],
    ['reject', () => Promise.reject(new Error('broken'))],
  ])('allow nothing when they %s what is no answer, and that is told', async (_, authorize) => {
    const errors: unknown[] = []
    const gate = gateOf({ callback: { authorize }, onError: (error) => errors.push(error) })
    expect(await outcome(gate, ADA, 'publish', 'app:a')).toBe('unavailable')
    expect(errors).toEqual([new Error('broken')])
  })

  it('answer at once where nobody has to be waited for', () => {
    const gate = gateOf({ ...hooked, hook: { authorize: () => true } })
    expect(gate.permit(ADA, 'publish', 'app:a')).toBeUndefined()
    expect(gate.allows(ADA, 'publish', 'app:a')).toBe(true)
  })
})

describe('an answer can change while the token stays', () => {
  it.each([
    ['by the hook', { policy: { hook: true } }, ADA, true],
    ['by the application', { callback: { authorize: () => true } }, ADA, true],
    ['with the members', { policy: { subscribe: 'member' } }, ADA, true],
    ['not for a server key', { policy: { hook: true, subscribe: 'member' } }, BACKEND, false],
    ['not for a claim', { policy: { subscribe: 'member' } }, claiming({ '*': ['*'] }), false],
    ['not by other rules', { policy: { subscribe: 'owner' } }, ADA, false],
  ] satisfies [string, World, Actor, boolean][])('%s', (_, world, actor, expected) => {
    const question: Question = { actor, action: 'subscribe', channel: 'app:ada' }
    expect(gateOf(world).isChangeable(question)).toBe(expected)
  })
})

function unavailable(): ProtocolError {
  return new ProtocolError('unavailable', 'The hook does not answer.')
}

describe('a guard', () => {
  it.each<[string, Actor, boolean, string]>([
    ['lets in whom the rule lets in', ADA, true, 'yes'],
    ['keeps out whom the rule lets in', ADA, false, 'forbidden'],
    ['keeps out whom a token lets in', claiming({ 'app:*': ['*'] }), false, 'forbidden'],
    ['is not asked about backends', BACKEND, false, 'yes'],
  ])('%s', async (_, actor, answer, expected) => {
    const gate = gateOf({})
    gate.guard('app', { authorize: () => answer })
    expect(await outcome(gate, actor, 'subscribe', 'app:a')).toBe(expected)
  })

  it('cannot let in whom the rule keeps out, and is not asked then', async () => {
    const gate = gateOf({ policy: { subscribe: 'server' } })
    gate.guard('app', {
      authorize: () => {
        throw new Error('It was asked.')
      },
    })
    expect(await outcome(gate, ADA, 'subscribe', 'app:a')).toBe('forbidden')
  })

  it('that fails keeps everybody out', async () => {
    const gate = gateOf({ onError: () => undefined })
    gate.guard('app', { authorize: () => Promise.reject(new Error('Nobody knows.')) })
    expect(await outcome(gate, ADA, 'subscribe', 'app:a')).toBe('unavailable')
  })

  it('may say something else later', () => {
    const gate = gateOf({})
    const question: Question = { actor: ADA, action: 'subscribe', channel: 'app:a' }
    expect(gate.isChangeable(question)).toBe(false)
    gate.guard('app', { authorize: () => true })
    expect(gate.isChangeable(question)).toBe(true)
  })
})
