import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { type BrokerHarness, brokerContract } from '../../contract/broker.contract.ts'
import { draft } from '../../contract/channel-model.ts'
import type { OnPublications } from '../core/ports/broker.ts'
import type { Log, Retention } from '../core/ports/log.ts'
import { openSqliteLog } from '../storage/sqlite.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { LocalBus } from './local-bus.ts'
import { LoggedBroker } from './logged.ts'

brokerContract('logged, over sqlite,', make, { keepsLog: true, runs: 8 })

async function make(): Promise<BrokerHarness> {
  const directory = mkdtempSync(join(tmpdir(), 'tidewire-logged-'))
  const clock = new FakeClock()
  const open = (): Promise<Log> => openSqliteLog({ directory, now: () => clock.now() })
  let log = await open()
  let broker = over(log, clock)
  return {
    broker,
    clock,
    async restart() {
      await broker.stop()
      await log.close()
      log = await open()
      broker = over(log, clock)
      return broker
    },
    async stop() {
      await broker.stop()
      await log.close()
      rmSync(directory, { recursive: true })
    },
  }
}

function over(
  log: Log,
  clock: FakeClock,
  {
    bus = new LocalBus(),
    namespace = 'chat',
    retention = {},
    onError = (where: string, error: unknown): void => {
      throw new Error(where, { cause: error })
    },
  }: {
    bus?: LocalBus
    namespace?: string
    retention?: Retention
    onError?: (where: string, error: unknown) => void
  } = {},
): LoggedBroker {
  return new LoggedBroker({ log, bus, clock, namespace, retention, onError })
}

/** A log in memory that answers at once, for what the broker does beside it. */
class InstantLog implements Log {
  readonly #tops = new Map<string, number>()
  readonly trims: [namespace: string, Retention][] = []
  trimError: Error | undefined

  append({ metadata }: Parameters<Log['append']>[0]): ReturnType<Log['append']> {
    const offset = (this.#tops.get(metadata.channel) ?? 0) + 1
    this.#tops.set(metadata.channel, offset)
    return Promise.resolve({ epoch: 'e', offset, duplicate: false })
  }

  read(): ReturnType<Log['read']> {
    return Promise.resolve({ epoch: 'e', oldest: 1, newest: 0, publications: [], more: false })
  }

  replace(): ReturnType<Log['replace']> {
    return Promise.resolve(true)
  }

  trim(namespace: string, retention: Retention): Promise<number> {
    this.trims.push([namespace, retention])
    return this.trimError === undefined ? Promise.resolve(0) : Promise.reject(this.trimError)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

it('hands what was committed together to the bus together, a call for each channel', async () => {
  const broker = over(new InstantLog(), new FakeClock())
  const onPublications = vi.fn<OnPublications>()
  await broker.start(onPublications)
  await broker.join('chat:a')
  await broker.join('chat:b')
  await Promise.all(
    ['chat:a', 'chat:b', 'chat:a', 'chat:b'].map((channel, i) =>
      broker.publish(draft(channel, `${i}`)),
    ),
  )
  await vi.waitFor(() => expect(onPublications).toHaveBeenCalledTimes(2))
  expect(
    onPublications.mock.calls.map(([channel, epoch, publications]) => [
      channel,
      epoch,
      publications.map(({ metadata }) => metadata.offset),
    ]),
  ).toEqual([
    ['chat:a', 'e', [1, 2]],
    ['chat:b', 'e', [1, 2]],
  ])
})

it('answers publishes that the bus could not carry: they are in the log', async () => {
  const bus = new LocalBus()
  bus.broadcast = () => Promise.reject(new Error('the connection is gone'))
  const onError = vi.fn<(where: string, error: unknown) => void>()
  const broker = over(new InstantLog(), new FakeClock(), { bus, onError })
  await broker.start(() => undefined)
  expect(await broker.publish(draft('chat:a', '1'))).toMatchObject({ offset: 1 })
  await vi.waitFor(() => expect(onError).toHaveBeenCalledWith('broadcast', expect.any(Error)))
})

it('shares a log and a bus with brokers of other namespaces', async () => {
  const [log, bus, clock] = [new InstantLog(), new LocalBus(), new FakeClock()]
  const heard: string[] = []
  const chat = over(log, clock, { bus })
  const inbox = over(log, clock, { bus, namespace: 'user' })
  await chat.start((channel) => heard.push(`chat: ${channel}`))
  await inbox.start((channel) => heard.push(`inbox: ${channel}`))
  await chat.join('chat:a')
  await inbox.join('user:a')
  await chat.publish(draft('chat:a', '1'))
  await inbox.publish(draft('user:a', '1'))
  await vi.waitFor(() => expect(heard).toEqual(['chat: chat:a', 'inbox: user:a']))
})

it('trims its namespace every minute, also after a trim that failed', async () => {
  const [log, clock] = [new InstantLog(), new FakeClock()]
  const onError = vi.fn<(where: string, error: unknown) => void>()
  const retention = { max_entries: 5 }
  const broker = over(log, clock, { retention, onError })
  await broker.start(() => undefined)
  log.trimError = new Error('the disk is full')
  await clock.advance(60_000)
  expect(onError).toHaveBeenCalledWith('trim', log.trimError)
  log.trimError = undefined
  await clock.advance(60_000)
  await broker.stop()
  await clock.advance(600_000)
  expect(log.trims).toEqual([
    ['chat', retention],
    ['chat', retention],
  ])
})

it('trims nothing when everything is kept', async () => {
  const [log, clock] = [new InstantLog(), new FakeClock()]
  const broker = over(log, clock)
  await broker.start(() => undefined)
  await clock.advance(600_000)
  expect(log.trims).toEqual([])
})
