import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { issueToken } from '../../auth/jwt.ts'
import { everything, Rows } from '../../testing/chat-mirror.ts'
import { ChatServer } from '../../testing/chat-server.ts'
import { runModule } from '../../testing/child.ts'
import { Talker } from '../../testing/talker.ts'

const SECRET = 'a secret for a server that is killed, long enough'
const CHANNEL = 'chat:general'
/** A word, so that a search index would have it as well. */
const CANARY = 'xcanaryx'
/** Within which nothing of a deleted message is left. */
const GONE_MS = 10_000

function dataDirectory(): string {
  const data = mkdtempSync(join(tmpdir(), 'tidewire-chat-'))
  onTestFinished(() => rmSync(data, { recursive: true }))
  return data
}

/** A server with chat in a process of its own, and how to kill it. */
async function startChild(data: string) {
  const [testing, chat] = ['../../testing/index.ts', './index.ts'].map((path) =>
    JSON.stringify(new URL(path, import.meta.url).href),
  )
  const { process, lines, ended } = runModule(`
    import { startTestServer } from ${testing}
    import { chat } from ${chat}
    const data = ${JSON.stringify(data)}
    const auth = { jwt_secret: ${JSON.stringify(SECRET)} }
    const { url } = await startTestServer({ features: [chat()], data, auth, no_limits: true })
    process.stdout.write(url + '\\n')`)
  onTestFinished(() => void process.kill('SIGKILL'))
  await expect.poll(() => lines, { timeout: 15_000 }).toHaveLength(1)
  const url = lines[0]!
  return {
    connect: async (user: string) => {
      const { token } = await issueToken({ secret: SECRET, user, ttlMs: 60_000, now: Date.now() })
      return Talker.connect(url, user, token)
    },
    kill: async () => {
      process.kill('SIGKILL')
      await ended
    },
  }
}

function filesWith(text: string, directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => readFileSync(path).includes(text))
}

it('killed between the log and its tables, loses nothing and counts right', async () => {
  const data = dataDirectory()
  const acked = { said: [] as string[], deleted: [] as string[] }
  for (let life = 0; life < 4; life++) {
    const child = await startChild(data)
    const [ada, bob] = [await child.connect('ada'), await child.connect('bob')]
    for (const talker of [ada, bob]) await talker.do('join_room', { room: 'general' })
    const messages = Array.from({ length: 60 }, (_, n) => ada.say(CHANNEL, `@bob ${life} ${n}`))
    const said = await Promise.all(messages)
    acked.said.push(...said.map(({ id }) => id))
    const remove = said
      .slice(0, 20)
      .map(({ id: message_id }) =>
        ada.publish(CHANNEL, 'message_delete', { message_id }).then(() => message_id),
      )
    const react = said
      .slice(10, 40)
      .map(({ id: message_id }) =>
        bob.publish(CHANNEL, 'reaction', { message_id, emoji: 'x' }).catch(() => undefined),
      )
    // A little later in each life.
    acked.deleted.push(...(await Promise.all(remove.slice(0, 1 + life * 6))))
    for (const late of [...remove, ...react]) late.catch(() => undefined)
    await child.kill()
  }
  const chat = await ChatServer.start({ data, auth: { jwt_secret: SECRET } })
  const bob = await chat.connect('bob')
  const { channels } = await bob.do('unread_get')
  const folded = new Rows()
  for (const publication of (await everything(bob, CHANNEL)).publications) {
    folded.apply(publication)
  }
  const byId = new Map(folded.all.map((row) => [row.id, row]))
  for (const id of acked.said) expect(byId.has(id)).toBe(true)
  for (const id of acked.deleted) expect(byId.get(id)?.deleted).toBe(true)
  expect(channels).toMatchObject({ [CHANNEL]: folded.unreadBy('bob', 0) })
  await expect
    .poll(async () => {
      const { publications } = await everything(bob, CHANNEL)
      const outcomes = new Rows()
      for (const one of publications) if (one.type === 'message') outcomes.apply(one)
      return outcomes.all
    })
    .toEqual(folded.all)
}, 60_000)

it('leaves nothing of what was deleted in any file, also after a crash', async () => {
  const data = dataDirectory()
  const child = await startChild(data)
  const ada = await child.connect('ada')
  await ada.do('join_room', { room: 'general' })
  const long = `${CANARY} `.repeat(300)
  const texts = Array.from({ length: 150 }, (_, n) =>
    n % 3 === 0 ? `${CANARY} ${n}` : n % 3 === 1 ? long.slice(0, n * 12) : `kept${n} ${CANARY}${n}`,
  )
  const said = await Promise.all(texts.map((text) => ada.say(CHANNEL, `.${text}`)))
  const edited = said.filter((_, n) => n % 4 === 0)
  await Promise.all(
    edited.map(({ id: message_id }, n) =>
      ada.publish(CHANNEL, 'message_edit', { message_id, content: long.slice(0, 9 + n * 40) }),
    ),
  )
  await ada.say(CHANNEL, 'this one stays')
  expect(filesWith(CANARY, data)).not.toEqual([])
  await Promise.all(
    said.map(({ id: message_id }) => ada.publish(CHANNEL, 'message_delete', { message_id })),
  )
  await child.kill()
  // Some of it was left to do, which nobody has to ask for.
  const chat = await ChatServer.start({ data, auth: { jwt_secret: SECRET } })
  await expect.poll(() => filesWith(CANARY, data), { timeout: GONE_MS, interval: 100 }).toEqual([])
  expect(filesWith('this one stays', data)).not.toEqual([])
  const { body } = await chat.http('ada', 'GET', `/v1/rooms/general/search?q=${CANARY}`)
  expect(body['messages']).toEqual([])
  await chat.server.close()
  expect(filesWith(CANARY, data)).toEqual([])
}, 60_000)
