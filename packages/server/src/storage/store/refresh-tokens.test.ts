import { expect, it } from 'vitest'
import { refreshTokenStoreContract } from '../../../contract/refresh-token-store.ts'
import { openTestStore, testStore } from '../../testing/test-store.ts'

refreshTokenStoreContract('the store', async () => {
  const made = await openTestStore()
  return {
    get store() {
      return made.store.refreshTokens
    },
    now: () => made.clock.now(),
    async reopen() {
      await made.reopen()
    },
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
