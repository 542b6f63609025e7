import type { JsonObject, Publication } from '@tidewire/protocol'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Feature } from '../../handlers.ts'
import { everything, Rows } from '../../testing/chat-mirror.ts'
import { ChatServer } from '../../testing/chat-server.ts'
import { FakeClock } from '../../testing/fake-clock.ts'
import type { Talker } from '../../testing/talker.ts'

const CHANNEL = 'chat:general'
const LATER_MS = 6 * 60_000

/** What history has at an offset. */
async function at(talker: Talker, channel: string, offset: number): Promise<JsonObject> {
  const page = await talker.do('history', { channel, after: offset - 1, limit: 1 })
  return (page['publications'] as unknown as Publication[])[0]!.payload
}

/** As many fields as a frame may have, with what is around them. */
const manyKeys = (count: number): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 0]))

/** Everything from here on happens so much later. */
function later(): void {
  const { now } = performance
  const [date, since] = [Date.now, now.bind(performance)]
  vi.spyOn(Date, 'now').mockImplementation(() => date() + LATER_MS)
  vi.spyOn(performance, 'now').mockImplementation(() => since() + LATER_MS)
  onTestFinished(() => void vi.restoreAllMocks())
}

/** From here on the timers of the server wait for the test. */
function standStill({ server: { clock } }: ChatServer): FakeClock {
  const still = new FakeClock(clock.steady())
  vi.spyOn(clock, 'steady').mockImplementation(() => still.steady())
  vi.spyOn(clock, 'after').mockImplementation((ms, fn) => still.after(ms, fn))
  onTestFinished(() => void vi.restoreAllMocks())
  return still
}

describe('what became of a message', () => {
  it('that has no room for it holds up nobody: what others delete is gone', async () => {
    const chat = await ChatServer.start()
    const [eve] = (await chat.room('evil', 'eve')) as [Talker]
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const said = { content: 'x', extra: manyKeys(993) }
    const ids = Array.from({ length: 55 }, (_, n) => `e${n}`)
    await Promise.all(ids.map((id) => eve.publish('chat:evil', 'message', said, id)))
    const reactions = ids.flatMap((message_id) =>
      ['a', 'b', 'c'].map((emoji) => eve.publish('chat:evil', 'reaction', { message_id, emoji })),
    )
    await Promise.all(reactions)
    const { id, offset } = await ada.say(CHANNEL, 'oops')
    await ada.publish(CHANNEL, 'message_delete', { message_id: id })
    await expect.poll(() => at(ada, CHANNEL, offset)).toEqual({ deleted: true })
    // What it said before stays, without what it has no room for.
    expect(await at(eve, 'chat:evil', 1)).toEqual(said)
    await eve.publish('chat:evil', 'message_delete', { message_id: 'e0' })
    await expect.poll(() => at(eve, 'chat:evil', 1)).toEqual({ deleted: true })
  })

  it('is written without the reactions, or what the application added, that make it more than a frame', async () => {
    const chat = await ChatServer.start({ limits: { max_frame_bytes: 1_000 } })
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const { id } = await ada.say(CHANNEL, 'x', { note: 'n'.repeat(600) })
    for (let n = 0; n < 10; n++) {
      const emoji = String.fromCharCode(97 + n).repeat(32)
      await ada.publish(CHANNEL, 'reaction', { message_id: id, emoji })
    }
    const edit = async (content: string): Promise<JsonObject> => {
      await ada.publish(CHANNEL, 'message_edit', { message_id: id, content })
      await expect.poll(() => at(ada, CHANNEL, 1)).toMatchObject({ content })
      return at(ada, CHANNEL, 1)
    }
    const edited_at = expect.any(String)
    expect(await edit('y')).toEqual({ content: 'y', note: 'n'.repeat(600), edited_at })
    const long = 'z'.repeat(500)
    expect(await edit(long)).toEqual({ content: long, edited_at })
  })

  it('is written for all others when it fails for one', async () => {
    const failures: string[] = []
    const files: Feature = {
      name: 'files',
      setup: (server) =>
        server.provide('releaseFiles', async () => {
          failures.push('files')
          throw new Error('They cannot be deleted.')
        }),
    }
    const chat = await ChatServer.start({ features: ['chat', files] })
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const file = { id: 'f1', name: 'a.png', type: 'image/png', size: 7 }
    const said = await Promise.all(
      Array.from({ length: 60 }, () => ada.say(CHANNEL, 'oops', { attachments: [file] })),
    )
    const last = await ada.say(CHANNEL, 'oops')
    const all = [...said, last]
    await Promise.all(
      all.map(({ id }) => ada.publish(CHANNEL, 'message_delete', { message_id: id })),
    )
    for (const { offset } of all) {
      await expect.poll(() => at(ada, CHANNEL, offset)).toEqual({ deleted: true })
    }
    expect(failures).not.toEqual([])
  })

  it('leaves of what it said before nothing but the place', async () => {
    const chat = await ChatServer.start()
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const { id } = await ada.say(CHANNEL, 'one')
    const edits = []
    for (const content of ['two', 'three', 'four']) {
      edits.push(await ada.publish(CHANNEL, 'message_edit', { message_id: id, content }))
    }
    const [two, three, four] = edits.map(({ offset }) => offset)
    for (const offset of [two!, three!]) {
      await expect.poll(() => at(ada, CHANNEL, offset)).toEqual({ message_id: id })
    }
    await expect.poll(() => at(ada, CHANNEL, 1)).toMatchObject({ content: 'four' })
    expect(await at(ada, CHANNEL, four!)).toMatchObject({ content: 'four' })
    const rows = new Rows()
    for (const one of (await everything(ada, CHANNEL)).publications) rows.apply(one)
    expect(rows.all).toMatchObject([{ content: 'four' }])
    await ada.publish(CHANNEL, 'message_delete', { message_id: id })
    const gone = { message_id: id, deleted: true }
    await expect.poll(() => at(ada, CHANNEL, four!)).toEqual(gone)
    expect(await at(ada, CHANNEL, 1)).toEqual({ deleted: true })
  })
})

describe('files of a message that is taken back', () => {
  const file = (id: string): JsonObject => ({ id, name: 'a.png', type: 'image/png', size: 7 })

  interface Releases {
    feature: Feature
    /** Every attempt. */
    calls: { ids: readonly string[]; owner: string | undefined; at: number }[]
  }

  /** `fails`: which attempts do, the first being 1. */
  function releases(fails: (attempt: number) => boolean): Releases {
    const calls: Releases['calls'] = []
    const setup: Feature['setup'] = (server) =>
      server.provide('releaseFiles', async (ids, owner) => {
        calls.push({ ids, owner, at: performance.now() })
        if (fails(calls.length)) throw new Error('They cannot be deleted.')
      })
    return { feature: { name: 'files', setup }, calls }
  }

  it('are tried again after ever longer waits, and the message is written once', async () => {
    const { feature, calls } = releases((attempt) => attempt <= 2)
    const chat = await ChatServer.start({ features: ['chat', feature] })
    const replace = vi.spyOn(chat.server, 'replace')
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const { id } = await ada.say(CHANNEL, 'oops', { attachments: [file('f1')] })
    await ada.publish(CHANNEL, 'message_delete', { message_id: id })
    await expect.poll(() => calls.length, { timeout: 10_000 }).toBe(3)
    // No timer comes early, and a slow machine only makes it later: one second twice would be too soon.
    const [, second, third] = calls.map((call) => call.at)
    expect(third! - second!).toBeGreaterThan(1_900)
    expect(replace).toHaveBeenCalledOnce()
    expect(await at(ada, CHANNEL, 1)).toEqual({ deleted: true })
  })

  /** What fails and when is for the test to say. */
  async function failing(fails: (attempt: number) => boolean) {
    const { feature, calls } = releases(fails)
    const chat = await ChatServer.start({ features: ['chat', feature] })
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const time = standStill(chat)
    const reports = vi.spyOn(chat.server, 'failed')
    const remove = (message_id: string): Promise<unknown> =>
      ada.publish(CHANNEL, 'message_delete', { message_id })
    /** The wait for the next attempt begins with it. */
    const failed = async (count: number): Promise<void> => {
      await expect.poll(() => reports.mock.calls.length).toBe(count)
    }
    return { ada, calls, time, remove, failed }
  }

  it('hold up nothing that is new for as long as they have failed', async () => {
    const { ada, time, remove, failed } = await failing(() => true)
    const first = await ada.say(CHANNEL, 'oops', { attachments: [file('f1')] })
    const other = await ada.say(CHANNEL, 'other')
    await remove(first.id)
    await failed(1)
    for (const [count, ms] of [
      [2, 1_000],
      [3, 2_000],
      [4, 4_000],
    ] as const) {
      await time.advance(ms)
      await failed(count)
    }
    // The next attempt is 8 s away.
    await remove(other.id)
    // It is in the tables.
    await ada.do('unread_get')
    await time.advance(1_000)
    await expect.poll(() => at(ada, CHANNEL, other.offset)).toEqual({ deleted: true })
  })

  it('are tried again a second after they fail for the first time since all went well', async () => {
    const { ada, calls, time, remove, failed } = await failing(
      (attempt) => attempt !== 4 && attempt < 6,
    )
    const first = await ada.say(CHANNEL, 'oops', { attachments: [file('f1')] })
    const second = await ada.say(CHANNEL, 'oops', { attachments: [file('f2')] })
    await remove(first.id)
    await failed(1)
    await time.advance(1_000)
    await failed(2)
    await time.advance(2_000)
    await failed(3)
    await time.advance(4_000)
    await expect.poll(() => calls.length).toBe(4)
    await remove(second.id)
    await failed(4)
    await time.advance(1_000)
    await expect.poll(() => calls.length).toBe(6)
    expect(calls.map(({ ids }) => ids[0]).slice(3)).toEqual(['f1', 'f2', 'f2'])
  })

  it('under the id of another are released too, but for what its author still shows', async () => {
    const { feature, calls } = releases((attempt) => attempt === 1)
    const chat = await ChatServer.start({ features: ['chat', feature] })
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    await ada.say(CHANNEL, 'first', { attachments: [file('f1')] }, 'm')
    await bob.say(CHANNEL, 'own', { attachments: [file('f2')] })
    later()
    const attachments = [file('f1'), file('f2'), file('f3')]
    const repeat = await (await chat.connect('bob')).say(CHANNEL, 'again', { attachments }, 'm')
    expect(repeat.offset).toBe(3)
    await expect.poll(() => calls.length, { timeout: 10_000 }).toBe(2)
    // Whose files they are is for whoever keeps them to say.
    for (const call of calls) expect(call).toMatchObject({ ids: ['f1', 'f3'], owner: 'bob' })
    expect(await at(bob, CHANNEL, 3)).toEqual({ deleted: true })
    expect(await at(ada, CHANNEL, 1)).toMatchObject({ attachments: [file('f1')] })
  })

  it("are nobody else's when the log is gone before they were released", async () => {
    const data = mkdtempSync(join(tmpdir(), 'tidewire-chat-'))
    onTestFinished(() => rmSync(data, { recursive: true }))
    const kept = { durability: 'memory', publish: 'user', subscribe: 'user' } as const
    const open = async ({ feature }: Releases): Promise<ChatServer> =>
      ChatServer.open({ data, features: ['chat', feature], namespaces: { chat: kept } })
    const before = releases(() => true)
    const first = await open(before)
    const [ada] = (await first.room('general', 'ada')) as [Talker]
    await ada.say(CHANNEL, 'first', {}, 'm')
    later()
    const bob = await first.connect('bob')
    expect((await bob.say(CHANNEL, 'again', { attachments: [file('f1')] }, 'm')).offset).toBe(2)
    await expect.poll(() => before.calls.length).toBeGreaterThan(0)
    await first.close()
    const after = releases(() => false)
    const second = await open(after)
    onTestFinished(() => second.close())
    const [cyd] = (await second.room('general', 'cyd')) as [Talker]
    await cyd.say(CHANNEL, 'x')
    const { id, offset } = await cyd.say(CHANNEL, 'oops', { attachments: [file('g1')] })
    expect(offset).toBe(2)
    await cyd.publish(CHANNEL, 'message_delete', { message_id: id })
    await expect.poll(() => after.calls).toMatchObject([{ ids: ['g1'], owner: 'cyd' }])
  })
})

describe('a message under the id of one of long ago', () => {
  it('is not the message: the first one counts, and what it says leaves the log', async () => {
    const chat = await ChatServer.start()
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    await ada.say(CHANNEL, 'first', {}, 'm')
    later()
    const bob = await chat.connect('bob')
    const { offset } = await bob.say(CHANNEL, 'xcanaryx', {}, 'm')
    expect(offset).toBe(2)
    await expect.poll(() => at(bob, CHANNEL, 2)).toEqual({ deleted: true })
    expect(await at(bob, CHANNEL, 1)).toEqual({ content: 'first' })
    const rows = new Rows()
    for (const one of (await everything(bob, CHANNEL)).publications) rows.apply(one)
    expect(rows.all).toMatchObject([{ id: 'm', content: 'first', deleted: false }])
    expect(await bob.refused('message_delete', { message_id: 'm' }, { channel: CHANNEL })).toMatch(
      '4011',
    )
  })
})
