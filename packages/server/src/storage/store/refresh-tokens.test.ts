import { expect, it } from 'vitest'
import {
  draftRefreshToken,
  refreshTokenStoreContract,
} from '../../../contract/refresh-token-store.ts'
import { openTestStore, testStore } from '../../testing/test-store.ts'

refreshTokenStoreContract('the store', async () => {
  const made = await openTestStore()
  return {
    get store() {
      return made.store.refreshTokens
    },
    now: () => made.clock.now(),
    stop: () => made.stop(),
  }
})

it('deletes tokens when they expire, however many, and no others', async () => {
  const { store, clock } = await testStore()
  const token = (id: string, expires_at: number) => {
    const sha256 = '0'.repeat(64)
    return { id, session: id, user: 'ada', sha256, expires_at }
  }
  const end = clock.now() + 1000
  const expiring = Array.from({ length: 2500 }, (_, i) => token(`old-${i}`, end))
  await Promise.all(expiring.map((each) => store.refreshTokens.add(each)))
  await store.refreshTokens.add(token('new', end + 1))
  await store.prune()
  expect(await count()).toBe(2501)
  await clock.advance(1000)
  await store.prune()
  expect(await count()).toBe(1)
  expect(await store.refreshTokens.use('new')).toMatchObject({ used: false })

  async function count(): Promise<number> {
    const rows = await store.database.selectFrom('refresh_tokens').select('id').execute()
    return rows.length
  }
})

it('outlives a restart', async () => {
  const made = await openTestStore()
  const add = async () => {
    const token = draftRefreshToken({ expires_at: made.clock.now() + 60_000 })
    await made.store.refreshTokens.add(token)
    return token
  }
  const [used, fresh, ended] = [await add(), await add(), await add()]
  await made.store.refreshTokens.use(used.id)
  await made.store.refreshTokens.end({ session: ended.session })
  await made.reopen()
  expect(await made.store.refreshTokens.use(used.id)).toMatchObject({ token: used, used: true })
  expect(await made.store.refreshTokens.use(fresh.id)).toMatchObject({ token: fresh, used: false })
  expect(await made.store.refreshTokens.use(ended.id)).toBeUndefined()
  await made.stop()
})
