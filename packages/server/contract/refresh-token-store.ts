import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Tokens } from '../src/auth/tokens.ts'
import type { RefreshToken, RefreshTokenStore } from '../src/core/ports/refresh-tokens.ts'

/** A store over storage of its own. */
export interface RefreshTokenStoreHarness {
  readonly store: RefreshTokenStore
  /** Milliseconds since 1970, by the clock that the store goes by. */
  now(): number
  stop(): Promise<void>
}

const AT_ONCE = 50
const TTL_MS = 3_600_000

/** What every implementation of `RefreshTokenStore` keeps. Each sentence has a login of its own. */
export function refreshTokenStoreContract(
  name: string,
  make: () => Promise<RefreshTokenStoreHarness>,
): void {
  describe(`${name} as a store of refresh tokens`, () => {
    let harness: RefreshTokenStoreHarness

    beforeAll(async () => {
      harness = await make()
    })
    afterAll(() => harness.stop())

    const draft = (token: Partial<RefreshToken> = {}): RefreshToken =>
      draftRefreshToken({ expires_at: harness.now() + TTL_MS, ...token })
    const add = async (token: Partial<RefreshToken> = {}): Promise<RefreshToken> => {
      const made = draft(token)
      await harness.store.add(made)
      return made
    }

    it('gives back what it was given', async () => {
      const token = await add({ channels: { 'chat:*': ['subscribe', 'publish'], 'orders:42': [] } })
      const used_at = harness.now()
      expect(await harness.store.use(token.id)).toEqual({ token, used: false, used_at })
    })

    it('gives back no channels where there were none', async () => {
      const token = await add()
      expect((await harness.store.use(token.id))?.token).not.toHaveProperty('channels')
    })

    it('knows nothing of other ids', async () => {
      const { id } = await add()
      for (const other of [
        '',
        id.slice(1),
        id.toUpperCase(),
        `${id}0`,
        '__proto__',
        "' OR 1=1 --",
      ]) {
        expect(await harness.store.use(other)).toBeUndefined()
        expect(await harness.store.isUsed(other)).toBeUndefined()
      }
    })

    it('says of a token that was used before that it was', async () => {
      const token = await add()
      expect(await harness.store.isUsed(token.id)).toBe(false)
      const { used_at } = (await harness.store.use(token.id))!
      expect(await harness.store.use(token.id)).toEqual({ token, used: true, used_at })
      expect(await harness.store.use(token.id)).toEqual({ token, used: true, used_at })
      expect(await harness.store.isUsed(token.id)).toBe(true)
    })

    it('takes a token that it has already, and changes nothing', async () => {
      const token = await add()
      await harness.store.use(token.id)
      await harness.store.add({ ...token, user: 'somebody else' })
      expect(await harness.store.use(token.id)).toMatchObject({ token, used: true })
    })

    it(`tells exactly one of ${AT_ONCE} uses at the same time that it is the first`, async () => {
      const { id } = await add()
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, () => harness.store.use(id)),
      )
      expect(answers.filter((answer) => answer?.used === false)).toHaveLength(1)
      expect(answers.filter((answer) => answer?.used === true)).toHaveLength(AT_ONCE - 1)
    })

    it('forgets a login: its tokens, used or not, and no others of its user', async () => {
      const user = `user-${randomUUID()}`
      const used = await add({ user })
      const { session } = used
      const fresh = await add({ user, session })
      const other = await add({ user })
      await harness.store.use(used.id)
      await harness.store.end({ session })
      expect(await harness.store.use(used.id)).toBeUndefined()
      expect(await harness.store.isUsed(used.id)).toBeUndefined()
      expect(await harness.store.use(fresh.id)).toBeUndefined()
      expect(await harness.store.use(other.id)).toMatchObject({ used: false })
    })

    it('forgets a token that reaches a login after its end', async () => {
      const first = await add()
      const { session, user } = first
      await harness.store.use(first.id)
      await harness.store.end({ session })
      const late = await add({ session, user })
      expect(await harness.store.use(late.id)).toBeUndefined()
    })

    it('forgets all logins of a user, and none that begins afterwards', async () => {
      const user = `user-${randomUUID()}`
      const [one, two] = [await add({ user }), await add({ user })]
      const stranger = await add()
      await harness.store.end({ user })
      expect(await harness.store.use(one.id)).toBeUndefined()
      expect(await harness.store.use(two.id)).toBeUndefined()
      const late = await add({ user, session: one.session })
      expect(await harness.store.use(late.id)).toBeUndefined()
      const next = await add({ user })
      expect(await harness.store.use(next.id)).toMatchObject({ used: false })
      expect(await harness.store.use(stranger.id)).toMatchObject({ used: false })
    })

    it('takes it when a login or a user that is not known ends', async () => {
      await expect(harness.store.end({ session: randomUUID() })).resolves.toBeUndefined()
      await expect(harness.store.end({ user: 'nobody' })).resolves.toBeUndefined()
    })

    it(`lets one of ${AT_ONCE} refreshes of one token win, and nobody afterwards`, async () => {
      const reused: string[] = []
      const tokens = new Tokens({
        secret: 'the secret of this server, long enough',
        algorithm: 'HS256',
        store: harness.store,
        ttlMs: 60_000,
        refreshTtlMs: TTL_MS,
        graceMs: 0,
        now: () => harness.now(),
        onReuse: (session) => void reused.push(session),
      })
      const { refresh_token: token = '', session } = await tokens.issue({
        user: 'ada',
        refresh: true,
      })
      const refreshes = Array.from({ length: AT_ONCE }, () => tokens.refresh(token))
      const results = await Promise.allSettled(refreshes)
      const winners = results.filter((result) => result.status === 'fulfilled')
      const losers = results.filter((result) => result.status === 'rejected')
      expect(winners).toHaveLength(1)
      expect(losers.map(({ reason }) => (reason as { reason: string }).reason)).toEqual(
        Array.from({ length: AT_ONCE - 1 }, () => 'authentication_failed'),
      )
      expect(new Set(reused)).toEqual(new Set([session]))
      // It cannot be known who of them is the thief: the login is over for all.
      const successor = winners[0]?.value.refresh_token ?? ''
      expect(successor).not.toBe(token)
      await expect(tokens.refresh(successor)).rejects.toMatchObject({
        reason: 'authentication_failed',
      })
    })
  })
}

/** A token of a login of its own. */
export function draftRefreshToken(
  token: Partial<RefreshToken> & Pick<RefreshToken, 'expires_at'>,
): RefreshToken {
  return {
    id: randomBytes(16).toString('hex'),
    session: randomUUID(),
    user: `user-${randomUUID()}`,
    sha256: createHash('sha256').update(randomBytes(32)).digest('hex'),
    ...token,
  }
}
