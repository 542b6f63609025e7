import { expect, it } from 'vitest'
import { REVOCATION_KEEP_MS } from '../../core/ports/revocations.ts'
import { testStore } from '../../testing/test-store.ts'

it('keeps every kind of revocation over a restart, oldest first', async () => {
  const made = await testStore()
  const at = made.clock.now()
  const kept = [
    { target: { user: 'ada' }, at },
    { target: { token_id: 'ada' }, at: at + 1 },
    { target: { session: 's-1' }, at: at + 2 },
    { target: { key_id: 'billing' }, at: at + 3 },
  ]
  for (const revocation of kept.toReversed()) await made.store.revocations.add(revocation)
  expect(await made.store.revocations.all()).toEqual(kept)
  await made.reopen()
  expect(await made.store.revocations.all()).toEqual(kept)
})

it('knows the latest revocation of a target, whichever was added last', async () => {
  const { store, clock } = await testStore()
  const at = clock.now()
  for (const time of [at, at + 2, at + 1]) {
    await store.revocations.add({ target: { user: 'ada' }, at: time })
  }
  expect(await store.revocations.all()).toEqual([{ target: { user: 'ada' }, at: at + 2 }])
})

it('forgets a revocation after a week', async () => {
  const { store, clock } = await testStore()
  await store.revocations.add({ target: { user: 'ada' }, at: clock.now() })
  await clock.advance(1)
  await store.revocations.add({ target: { user: 'bob' }, at: clock.now() })
  await clock.advance(REVOCATION_KEEP_MS - 1)
  expect(await store.revocations.all()).toMatchObject([{ target: { user: 'bob' } }])
  await store.prune()
  const rows = await store.database.selectFrom('revocations').select('value').execute()
  expect(rows).toEqual([{ value: 'bob' }])
})
