import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../support/until.ts'
import { ACTS, expected } from './authorisation/acts.ts'
import { ADMINISTRATION } from './authorisation/administration.ts'
import { CHANNELS, may, mayAdminister, refusalOf, type Role, ROLES } from './authorisation/model.ts'
import { NAMES, SMUGGLING, tryEverywhere } from './authorisation/names.ts'
import { CALLEE, live, old, Stage } from './authorisation/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.start()
})
afterAll(() => stage?.stop())

const ATTEMPTS = ROLES.flatMap((role) => CHANNELS.map((channel) => ({ role, channel })))

describe('what a role may do in a channel, over every transport', () => {
  it.each(ATTEMPTS)('$role.name in $channel', async ({ role, channel }) => {
    const open: (() => void)[] = []
    const outcomes = ACTS.map(async ({ name, run }) => {
      return [name, await run(stage.actor(role), stage.target(channel), open)] as const
    })
    const wanted = ACTS.map((act) => [act.name, expected(role, act, channel)] as const)
    expect(Object.fromEntries(await Promise.all(outcomes))).toEqual(Object.fromEntries(wanted))

    // All that was opened, and all that was refused, is still there while this is said.
    const secret = await stage.publishSecret(channel)
    if (may(role, 'subscribe', channel)) await until(() => stage.tap(role).received(secret))
    for (const end of open) end()
  })
})

describe('what is for servers', () => {
  it.each(ROLES)('$name', async (role) => {
    const outcomes: Record<string, unknown> = {}
    for (const { name, run } of ADMINISTRATION) outcomes[name] = await run(stage.actor(role))
    const wanted = ADMINISTRATION.map(({ name, what }) => {
      return [name, mayAdminister(role, what, CALLEE) ? 'yes' : refusalOf(role)] as const
    })
    expect(outcomes).toEqual(Object.fromEntries(wanted))
  })
})

const stranger = ROLES.find(({ user }) => user === 'eve')!

describe('a name that is nearly the one of a forbidden channel', () => {
  it.each(NAMES)('$what', async ({ name, outcome }) => {
    const open: (() => void)[] = []
    for (const [way, came] of await tryEverywhere(stage.actor(stranger), name, open)) {
      expect(outcome, way).toContain(came)
    }
    await stage.publishSecret('server:room')
    await stage.publishSecret('owner:ada')
    for (const end of open) end()
  })
})

describe('a forbidden channel beside one that is allowed', () => {
  it.each(SMUGGLING)('as $what', async ({ run }) => {
    const open: (() => void)[] = []
    expect(await run(stage.actor(stranger), open)).not.toBe('yes')
    await stage.publishSecret('server:room')
    for (const end of open) end()
  })
})

describe('all bytes that a role received', () => {
  const visible = (role: Role, channel: string) => {
    const history = may(role, 'history', channel)
    return { old: history, live: history || may(role, 'subscribe', channel) }
  }

  it.each(ROLES)('of $name: hold the secrets it may know, and no other', (role) => {
    const tap = stage.tap(role)
    const received = (channel: string) => {
      return { old: tap.received(old(channel)), live: tap.received(live(channel)) }
    }
    expect(Object.fromEntries(CHANNELS.map((channel) => [channel, received(channel)]))).toEqual(
      Object.fromEntries(CHANNELS.map((channel) => [channel, visible(role, channel)])),
    )
  })
})
