import { sql } from 'kysely'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { createServerKey } from '../auth/server-keys.ts'
import type { Logger } from '../observe/logs.ts'
import { openStore } from '../storage/store/store.ts'
import { Device } from '../testing/device.ts'
import { startTestServer } from '../testing/index.ts'
import { Talker } from '../testing/talker.ts'

const { key, ...known } = createServerKey('app')
const ENDS_LOGINS = 'BEFORE UPDATE ON refresh_tokens'
const KEEPS_REVOCATIONS = 'BEFORE INSERT ON revocations'

interface Login {
  token: string
  session: string
  refresh_token: string
}

async function start() {
  const errors: unknown[] = []
  const ignore = (): void => undefined
  const logger: Logger = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (line) => errors.push(line),
  }
  const made = await startTestServer({ auth: { server_keys: [known] }, logger })
  onTestFinished(made.close)
  const { server, url } = made
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${url}/v1/tokens${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    })
  const logIn = async (user: string): Promise<Login> =>
    (await (await post('', { user, refresh: true })).json()) as Login
  /** What the store is asked for fails from now on, as on a disk that is going. The result ends it. */
  const breakStore = async (when: string): Promise<() => Promise<unknown>> => {
    const database = await server.tables('fault', {})
    const fails = sql.raw(`CREATE TRIGGER fault ${when} BEGIN SELECT RAISE(FAIL, 'Gone.'); END`)
    await fails.execute(database)
    return () => sql`DROP TRIGGER fault`.execute(database)
  }
  return { server, url, post, logIn, breakStore, errors }
}

/** What who reads with the token is answered. */
async function statusOf(url: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  return (await fetch(`${url}/v1/channels/chat:a/publications`, { headers })).status
}

type Started = Awaited<ReturnType<typeof start>>

/** Who can revoke a user, each with what it is told where that fails. */
const REVOKERS: [string, (started: Started) => Promise<unknown>][] = [
  [
    'a backend',
    async ({ post }) => {
      const answer = await post('/revoke', { user: 'ada' })
      const { reason } = (await answer.json()) as { reason?: string }
      return reason && [answer.status, reason]
    },
  ],
  [
    'the application',
    ({ server }) =>
      server.disconnect({ user: 'ada' }, { revoke: true }).then(
        () => undefined,
        ({ reason }: { reason: string }) => [503, reason],
      ),
  ],
]

const cases = REVOKERS.flatMap(([name, revoke]) =>
  [
    ['logins cannot be ended', ENDS_LOGINS],
    ['revocation cannot be kept', KEEPS_REVOCATIONS],
  ].map(([what, when]) => ({ name, revoke, what, when: when! })),
)

it.each(cases)(
  'a user whose $what is shut out all the same, and $name is told and can try again',
  async ({ revoke, when }) => {
    const started = await start()
    const { url, post, logIn, breakStore } = started
    const login = await logIn('ada')
    const ada = await Device.connect(url, login.token)
    const repair = await breakStore(when)
    expect(await revoke(started)).toEqual([503, 'unavailable'])
    expect(await ada.next('error')).toMatchObject({ payload: { code: 4002 } })
    expect(await statusOf(url, login.token)).toBe(401)

    await repair()
    expect(await revoke(started)).toBeUndefined()
    const refreshed = await post('/refresh', { refresh_token: login.refresh_token })
    expect(refreshed.status).toBe(401)
  },
)

it.each([
  ['a user', ({ user }) => ({ user })],
  ['a login', ({ session }) => ({ session })],
] satisfies [string, (login: Login & { user: string }) => object][])(
  '%s is shut out while the store is locked, such as by a backup, and the answer waits for it',
  async (_, targetOf) => {
    const { server, url, post, logIn } = await start()
    const login = await logIn('ada')
    const ada = await Talker.connect(url, 'ada', login.token)
    const backup = new DatabaseSync(join(server.data, 'store.db'))
    onTestFinished(() => backup.close())
    backup.exec('BEGIN IMMEDIATE')

    let isAnswered = false
    const asked = post('/revoke', targetOf({ ...login, user: 'ada' }))
    void asked.finally(() => (isAnswered = true))
    // PROTOCOL.md §8. The store gives up later than that.
    await expect.poll(() => ada.closedWith, { timeout: 2_000 }).toBe(4002)
    expect(await statusOf(url, login.token)).toBe(401)
    expect(isAnswered).toBe(false)

    backup.exec('ROLLBACK')
    const answer = await asked
    expect([answer.status, await answer.json()]).toEqual([200, { disconnected: 1 }])
    const refreshed = await post('/refresh', { refresh_token: login.refresh_token })
    expect(refreshed.status).toBe(401)
  },
)

it('the connections of a key end also where its revocation cannot be kept, and the log says so', async () => {
  const { server, url, breakStore, errors } = await start()
  // As the command line does it, beside the server.
  const aside = await openStore({
    directory: server.data,
    now: Date.now,
    onKeyRevoked: () => undefined,
    onError: (error) => errors.push(error),
  })
  onTestFinished(() => aside.close())
  const { key: billing, ...made } = createServerKey('billing')
  await aside.serverKeys.create(made)
  await breakStore(KEEPS_REVOCATIONS)
  await expect.poll(() => statusOf(url, billing)).toBe(200)
  const backend = await Device.connect(url, billing)
  await aside.serverKeys.revoke('billing')
  expect(await backend.next('error')).toMatchObject({ payload: { code: 4002 } })
  await expect.poll(() => errors).toMatchObject([{ where: 'revocation' }])
})
