import { describe, expect, test } from 'vitest'
import { refreshTokenStoreContract } from '../../contract/refresh-token-store.ts'
import type { RefreshToken, RefreshTokenStore, UsedToken } from '../core/ports/refresh-tokens.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { SECRET } from '../testing/token-issuers.ts'
import { JwtAuthenticator } from './jwt.ts'
import { fixedKeys, secretKeys } from './keys.ts'
import { Tokens, type TokensOptions } from './tokens.ts'

const TTL_MS = 900_000
const GRACE_MS = 10_000
const REFRESH_TTL_MS = 30 * 24 * 3_600_000

/** Storage that is as quick as a variable. */
class FakeStore implements RefreshTokenStore {
  readonly tokens = new Map<string, { token: RefreshToken; used_at: number | undefined }>()
  readonly #ended = new Set<string>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  async add(token: RefreshToken): Promise<void> {
    if (this.#ended.has(token.session) || this.tokens.has(token.id)) return
    this.tokens.set(token.id, { token, used_at: undefined })
  }

  async use(id: string): Promise<UsedToken | undefined> {
    const entry = this.tokens.get(id)
    if (entry === undefined) return undefined
    const used = entry.used_at !== undefined
    entry.used_at ??= this.#now()
    return { token: entry.token, used, used_at: entry.used_at }
  }

  async isUsed(id: string): Promise<boolean | undefined> {
    const entry = this.tokens.get(id)
    return entry && entry.used_at !== undefined
  }

  async end(target: { session: string } | { user: string }): Promise<void> {
    for (const [id, { token }] of this.tokens) {
      const isMeant =
        'user' in target ? token.user === target.user : token.session === target.session
      if (!isMeant) continue
      this.#ended.add(token.session)
      this.tokens.delete(id)
    }
  }
}

refreshTokenStoreContract('a variable', async () => ({
  store: new FakeStore(() => 1_800_000_000_000),
  now: () => 1_800_000_000_000,
  stop: async () => undefined,
}))

function start(options: Partial<TokensOptions> = {}) {
  const clock = new FakeClock()
  const store = new FakeStore(() => clock.now())
  const reused: string[] = []
  const tokens = new Tokens({
    secret: SECRET,
    algorithm: 'HS256',
    store,
    ttlMs: TTL_MS,
    refreshTtlMs: REFRESH_TTL_MS,
    graceMs: GRACE_MS,
    now: () => clock.now(),
    onReuse: (session) => reused.push(session),
    ...options,
  })
  const sources = [fixedKeys(secretKeys(SECRET, ['HS256', 'HS512']))]
  const authenticator = new JwtAuthenticator({ sources, now: () => clock.now() })
  return { clock, store, reused, tokens, authenticator }
}

const refused = { reason: 'authentication_failed' }

describe('access tokens', () => {
  test('without a login carry who, until when and what', async () => {
    const { authenticator, clock, store, tokens } = start()
    const issued = await tokens.issue({ user: 'ada', channels: { 'chat:*': ['subscribe'] } })
    expect(Object.keys(issued)).toEqual(['token', 'expires_at'])
    expect(issued.expires_at).toBe(clock.now() + TTL_MS)
    const actor = await authenticator.authenticate(issued.token)
    expect(actor).toMatchObject({ user: 'ada', expires_at: issued.expires_at })
    expect(actor.channels).toEqual(new Map([['chat:*', new Set(['subscribe'])]]))
    expect(actor).not.toHaveProperty('session')
    expect(store.tokens.size).toBe(0)
  })

  test('live as long as is asked for', async () => {
    const { clock, tokens } = start()
    const { expires_at } = await tokens.issue({ user: 'ada', ttl_ms: 5000 })
    expect(expires_at).toBe(clock.now() + 5000)
  })

  test('are signed with the algorithm, issuer and audience of the server', async () => {
    const names = { issuer: 'https://issuer.example', audience: 'tidewire' }
    const { clock, tokens } = start({ algorithm: 'HS512', ...names })
    const strict = new JwtAuthenticator({
      sources: [fixedKeys(secretKeys(SECRET, ['HS512']))],
      now: () => clock.now(),
      ...names,
    })
    const { token } = await tokens.issue({ user: 'ada' })
    expect(await strict.authenticate(token)).toMatchObject({ user: 'ada' })
  })

  test.each([
    ['a user that is none', { user: 'a b' }],
    ['no time', { user: 'ada', ttl_ms: 0 }],
    ['channels that are none', { user: 'ada', channels: { chat: ['subscribe'] } }],
    ['actions that are none', { user: 'ada', channels: { 'chat:*': ['read'] } }],
  ])('are not made for %s, and no login begins', async (_, request) => {
    const { store, tokens } = start()
    const issued = tokens.issue({ ...request, refresh: true })
    await expect(issued).rejects.toMatchObject({ reason: 'bad_envelope' })
    expect(store.tokens.size).toBe(0)
  })

  test('come without a refresh token where none can be kept', async () => {
    const { tokens } = start({ store: undefined })
    expect(await tokens.issue({ user: 'ada' })).not.toHaveProperty('refresh_token')
    const issued = tokens.issue({ user: 'ada', refresh: true })
    await expect(issued).rejects.toMatchObject({ reason: 'bad_envelope' })
    const token = `twr_${'0'.repeat(32)}_${'x'.repeat(43)}`
    await expect(tokens.refresh(token)).rejects.toMatchObject(refused)
  })
})

describe('a refresh token', () => {
  test('begins a login and gets its next access token', async () => {
    const { authenticator, clock, tokens } = start()
    const channels = { 'chat:*': ['subscribe'] }
    const first = await tokens.issue({ user: 'ada', ttl_ms: 5000, channels, refresh: true })
    expect(first.refresh_token).toMatch(/^twr_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/)
    expect(first.refresh_expires_at).toBe(clock.now() + REFRESH_TTL_MS)
    await clock.advance(10_000)
    const second = await tokens.refresh(first.refresh_token ?? '')
    expect(second.session).toBe(first.session)
    expect(second.expires_at).toBe(clock.now() + TTL_MS)
    expect(second.refresh_expires_at).toBe(clock.now() + REFRESH_TTL_MS)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    expect(await authenticator.authenticate(second.token)).toMatchObject({
      user: 'ada',
      session: first.session,
      channels: new Map([['chat:*', new Set(['subscribe'])]]),
    })
    expect(await tokens.refresh(second.refresh_token ?? '')).toMatchObject({
      session: first.session,
    })
  })

  test('is not what is kept of it', async () => {
    const { store, tokens } = start()
    const { refresh_token: token = '' } = await tokens.issue({ user: 'ada', refresh: true })
    const [, , random = ''] = /^twr_([^_]*)_(.*)$/.exec(token) ?? []
    expect(random).toHaveLength(43)
    expect(JSON.stringify([...store.tokens.values()])).not.toContain(random)
  })

  test('that is shown again ends its login, the newest token included, and no other one', async () => {
    const { reused, tokens } = start()
    const first = await tokens.issue({ user: 'ada', refresh: true })
    const other = await tokens.issue({ user: 'ada', refresh: true })
    const second = await tokens.refresh(first.refresh_token ?? '')
    const third = await tokens.refresh(second.refresh_token ?? '')
    await expect(tokens.refresh(first.refresh_token ?? '')).rejects.toMatchObject(refused)
    expect(reused).toEqual([first.session])
    await expect(tokens.refresh(third.refresh_token ?? '')).rejects.toMatchObject(refused)
    expect(await tokens.refresh(other.refresh_token ?? '')).toMatchObject({
      session: other.session,
    })
    expect(reused).toEqual([first.session])
  })

  test('whose answer was lost brings the same successor for a while, also while that is made', async () => {
    const { authenticator, clock, reused, tokens } = start()
    const { refresh_token: token = '', session } = await tokens.issue({
      user: 'ada',
      refresh: true,
    })
    const [first, second] = await Promise.all([tokens.refresh(token), tokens.refresh(token)])
    await clock.advance(GRACE_MS - 1)
    const third = await tokens.refresh(token)
    for (const again of [second, third]) {
      expect(again.refresh_token).toBe(first?.refresh_token)
      expect(again.refresh_expires_at).toBe(first?.refresh_expires_at)
      expect(await authenticator.authenticate(again.token)).toMatchObject({ user: 'ada', session })
    }
    expect(reused).toEqual([])
    await clock.advance(1)
    await expect(tokens.refresh(token)).rejects.toMatchObject(refused)
    expect(reused).toEqual([session])
    await expect(tokens.refresh(first?.refresh_token ?? '')).rejects.toMatchObject(refused)
  })

  test('whose successor was used ends the login, however soon', async () => {
    const { reused, tokens } = start()
    const first = await tokens.issue({ user: 'ada', refresh: true })
    const second = await tokens.refresh(first.refresh_token ?? '')
    await tokens.refresh(second.refresh_token ?? '')
    await expect(tokens.refresh(first.refresh_token ?? '')).rejects.toMatchObject(refused)
    expect(reused).toEqual([first.session])
  })

  test('brings a successor also when the server died before that was kept', async () => {
    const { store, tokens } = start()
    const { refresh_token: token = '' } = await tokens.issue({ user: 'ada', refresh: true })
    const add = store.add.bind(store)
    store.add = () => Promise.reject(new Error('Gone.'))
    await expect(tokens.refresh(token)).rejects.toThrow('Gone.')
    store.add = add
    const { refresh_token: next = '' } = await tokens.refresh(token)
    expect(await tokens.refresh(next)).toMatchObject({ refresh_token: expect.any(String) })
  })

  test('of an ended login brings nothing, however soon', async () => {
    const { store, tokens } = start()
    const first = await tokens.issue({ user: 'ada', refresh: true })
    await tokens.refresh(first.refresh_token ?? '')
    await store.end({ user: 'ada' })
    await expect(tokens.refresh(first.refresh_token ?? '')).rejects.toMatchObject(refused)
  })

  test('ends its login at once where there is no grace', async () => {
    const { reused, tokens } = start({ graceMs: 0 })
    const { refresh_token: token = '', session } = await tokens.issue({
      user: 'ada',
      refresh: true,
    })
    await tokens.refresh(token)
    await expect(tokens.refresh(token)).rejects.toMatchObject(refused)
    expect(reused).toEqual([session])
  })

  test('ends the connections of its login also when the store fails', async () => {
    const { clock, reused, store, tokens } = start()
    const { refresh_token: token = '', session } = await tokens.issue({
      user: 'ada',
      refresh: true,
    })
    await tokens.refresh(token)
    await clock.advance(GRACE_MS)
    store.end = async () => {
      throw new Error('The disk is gone.')
    }
    await expect(tokens.refresh(token)).rejects.toThrow('The disk is gone.')
    expect(reused).toEqual([session])
  })

  test('that was not used in time is session_expired', async () => {
    const { clock, reused, tokens } = start()
    const { refresh_token: token = '' } = await tokens.issue({ user: 'ada', refresh: true })
    await clock.advance(REFRESH_TTL_MS)
    await expect(tokens.refresh(token)).rejects.toMatchObject({ reason: 'session_expired' })
    expect(reused).toEqual([])
  })

  test('that somebody changed or made up does not use up the real one', async () => {
    const { reused, store, tokens } = start()
    const { refresh_token: token = '', token: access } = await tokens.issue({
      user: 'ada',
      refresh: true,
    })
    const last = token.endsWith('A') ? 'B' : 'A'
    const id = token.slice(4, 36)
    const forged = [
      '',
      'twr_',
      access,
      `${token.slice(0, -1)}${last}`,
      `${token}A`,
      token.slice(0, -1),
      token.toUpperCase(),
      ` ${token}`,
      `${token}\n`,
      `twr_${id}_`,
      `twr_${id}_${'A'.repeat(43)}`,
      `twr_${id}_${id}`,
      `twr_${'0'.repeat(32)}_${token.slice(37)}`,
      `twr_${[...store.tokens.values()][0]?.token.sha256}_${token.slice(37)}`,
      `twr_${'x'.repeat(100_000)}`,
    ]
    for (const attempt of forged) {
      const error = await tokens.refresh(attempt).catch((error: unknown) => error)
      expect(error).toMatchObject(refused)
      expect((error as Error).message).not.toContain(id)
    }
    expect(reused).toEqual([])
    expect(await tokens.refresh(token)).toMatchObject({ expires_at: expect.any(Number) })
  })

  test('of which the store kept another digest is refused', async () => {
    const { store, tokens } = start()
    const { refresh_token: token = '' } = await tokens.issue({ user: 'ada', refresh: true })
    for (const entry of store.tokens.values()) entry.token.sha256 = '0'.repeat(64)
    await expect(tokens.refresh(token)).rejects.toMatchObject(refused)
  })

  test('of a user who is revoked while it is renewed is older than that', async () => {
    const { authenticator, clock, store, tokens } = start()
    const { refresh_token } = await tokens.issue({ user: 'ada', refresh: true })
    const before = clock.now()
    const add = store.add.bind(store)
    store.add = async (token) => {
      await clock.advance(5)
      await add(token)
    }
    const { token } = await tokens.refresh(refresh_token!)
    expect(clock.now()).toBe(before + 5)
    expect((await authenticator.authenticate(token)).issued_at).toBe(before)
  })
})
