import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { type Child, runModule } from '../../testing/child.ts'
import { Feeds, type Page } from '../../../contract/feeds.ts'

const FOLLOWERS = 600
const LIVES = 4
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
const USERS = range(FOLLOWERS).map((n) => `f${n}`)

/**
 * A server of which Ada says one thing after the other to all followers, at most `count`, and which prints what was
 * acknowledged. Its clock is ten minutes behind that of the next life: by then the log has forgotten which messages it
 * has.
 */
function live(data: string, life: number, count = 1e9): Child {
  const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href)
  return runModule(`
    import { createServer } from ${url('../../index.ts')}
    import { feed } from ${url('./index.ts')}
    import { MIGRATIONS } from ${url('./tables.ts')}
    const behind = ${(LIVES - life) * 600_000}
    const [now, origin] = [Date.now, performance.timeOrigin]
    Date.now = () => now() - behind
    Object.defineProperty(performance, 'timeOrigin', { value: origin - behind })
    const server = createServer({
      dev: true, host: '127.0.0.1', port: 0, ops: { port: null }, data: ${JSON.stringify(data)},
      log: { level: 'silent' }, no_limits: true, features: [feed()],
    })
    await server.listen()
    if (${life} === 0) {
      const database = await server.tables('feed', MIGRATIONS)
      const rows = Array.from({ length: ${FOLLOWERS} }, (_, n) => (
        { followee: 'ada', follower: 'f' + n, from_seq: 0, to_seq: null }
      ))
      await database.insertInto('feed_follows').values(rows).execute()
    }
    for (let n = 0; n < ${count}; n++) {
      const object = 'boat:${life}-' + n
      const payload = { verb: 'painted', object }
      await server.publish('feed:ada', { type: 'activity', payload, user: 'ada' })
      console.log(object)
    }
    setInterval(() => undefined, 1e6)
  `)
}

async function kill(child: Child): Promise<void> {
  child.process.kill('SIGKILL')
  await child.ended
}

function dataDirectory(): string {
  const data = mkdtempSync(join(tmpdir(), 'tidewire-feed-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  return data
}

/** Every follower has what the author said, in its order, once; in the channel and in the view. */
async function expectAll(feeds: Feeds): Promise<string[]> {
  const own = await feeds.log('ada')
  const last = USERS.at(-1)!
  await expect
    .poll(async () => (await feeds.log(last)).at(-1), { timeout: 20_000 })
    .toBe(own.at(-1))
  for (const user of USERS) expect(await feeds.log(user)).toEqual(own)
  expect((await feeds.told(last)).toReversed()).toEqual(own)
  return own
}

it('what a killed server had acknowledged reaches every follower, once', async () => {
  const data = dataDirectory()
  const acknowledged: string[] = []
  for (const life of range(LIVES)) {
    const child = live(data, life)
    await expect
      .poll(() => child.lines.length, { timeout: 20_000, interval: 5 })
      .toBeGreaterThan(2 + life)
    await kill(child)
    acknowledged.push(...child.lines)
  }
  const feeds = await Feeds.start({}, { data })
  onTestFinished(() => feeds.close())
  const said = await expectAll(feeds)
  expect(said).toEqual(
    expect.arrayContaining(acknowledged.map((object) => `ada painted ${object}`)),
  )
}, 90_000)

it('what was acknowledged is not forgotten because much was said since', async () => {
  const data = dataDirectory()
  const before = await Feeds.start({}, { data })
  await before.follow('bob', 'ada')
  for (const n of range(520)) await before.say('ada', 'painted', `boat:${n}`)
  await expect.poll(async () => (await before.log('bob')).at(-1)).toBe('ada painted boat:519')
  await before.close()
  // As if the server had died when the log had it, and nothing else.
  const database = new DatabaseSync(join(data, 'store.db'), { timeout: 5_000 })
  database.exec('UPDATE feed_activities SET state = 0 WHERE seq = 1')
  database.exec('DELETE FROM feed_entries WHERE seq = 1')
  database.close()
  const feeds = await Feeds.start({}, { data })
  onTestFinished(() => feeds.close())
  const told: string[] = []
  for (let next: string | null = ''; next !== null;) {
    const page: Page = await feeds.page('bob', `?limit=100${next && `&before=${next}`}`)
    told.push(...page.entries.map(({ object }) => object ?? ''))
    next = page.next
  }
  expect(told.at(-1)).toBe('boat:0')
  expect(told).toHaveLength(520)
}, 60_000)

it('what was out when the server died, and not yet written down, does not go out again', async () => {
  const data = dataDirectory()
  const child = live(data, 0, 1)
  const store = () => new DatabaseSync(join(data, 'store.db'), { timeout: 5_000 })
  const mark = (): unknown => {
    const database = store()
    try {
      return database.prepare('SELECT n FROM feed_delivered').get()?.['n']
    } finally {
      database.close()
    }
  }
  await expect.poll(() => child.lines.length, { timeout: 20_000 }).toBe(1)
  // Its own entry comes after those of the followers.
  await expect.poll(mark, { timeout: 20_000 }).toBe(FOLLOWERS + 1)
  await kill(child)
  const database = store()
  database.prepare('UPDATE feed_delivered SET n = n - 200').run()
  database.close()
  const feeds = await Feeds.start({}, { data })
  onTestFinished(() => feeds.close())
  await feeds.say('ada', 'painted', 'boat:later')
  expect(await expectAll(feeds)).toEqual(['ada painted boat:0-0', 'ada painted boat:later'])
}, 60_000)
