import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openStore, type Store, type StoreOptions } from '../storage/store/store.ts'
import { FakeClock } from './fake-clock.ts'

export interface TestStore {
  readonly directory: string
  readonly clock: FakeClock
  /** The one that was opened last. */
  readonly store: Store
  readonly revoked: string[]
  readonly errors: unknown[]
  /** Closes the store and opens it again. */
  reopen(): Promise<Store>
  stop(): Promise<void>
}

/** A store in a directory of its own. */
export async function openTestStore(options: Partial<StoreOptions> = {}): Promise<TestStore> {
  const given = options.directory
  const directory = given ?? mkdtempSync(join(tmpdir(), 'tidewire-store-'))
  const clock = new FakeClock()
  const revoked: string[] = []
  const errors: unknown[] = []
  const open = (): Promise<Store> =>
    openStore({
      directory,
      now: () => clock.now(),
      onKeyRevoked: (id) => revoked.push(id),
      onError: (error) => errors.push(error),
      ...options,
    })
  let store = await open()
  return {
    directory,
    clock,
    get store() {
      return store
    },
    revoked,
    errors,
    async reopen() {
      await store.close()
      store = await open()
      return store
    },
    async stop() {
      await store.close()
      if (given === undefined) rmSync(directory, { recursive: true })
    },
  }
}

/** The same, until the test is finished. */
export async function testStore(options?: Partial<StoreOptions>): Promise<TestStore> {
  const made = await openTestStore(options)
  onTestFinished(() => made.stop())
  return made
}
