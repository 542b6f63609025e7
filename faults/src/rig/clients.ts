import type { TransportName } from '@tidewire/client'
import type { Chance } from '../chance.ts'
import type { Recorder } from '../history/recorder.ts'
import type { Answers } from './answers.ts'
import { channelsOf, type Load } from './load.ts'
import { ClientPublisher } from './publishers/client-publisher.ts'
import { HttpPublisher } from './publishers/http-publisher.ts'
import type { Publisher, PublisherOptions } from './publishers/publisher.ts'
import { WebSocketPublisher } from './publishers/websocket-publisher.ts'
import { ClientReader } from './readers/client-reader.ts'
import { PollReader } from './readers/poll-reader.ts'
import type { Reader, ReaderOptions } from './readers/reader.ts'
import { SseReader } from './readers/sse-reader.ts'
import { WebSocketReader } from './readers/websocket-reader.ts'

const TRANSPORTS: readonly TransportName[] = ['sse', 'poll', 'websocket']

export interface ClientSurroundings {
  url: string
  token: string
  getToken?: () => Promise<string>
  recorder: Recorder
  answers: Answers
  chance: Chance
}

/** Every kind of reader. */
const READERS: readonly [keyof Load['readers'], (options: ReaderOptions) => Reader][] = [
  ['websocket', (options) => new WebSocketReader(options)],
  ['sse', (options) => new SseReader(options)],
  ['poll', (options) => new PollReader(options)],
  ['clientWebsocket', (options) => new ClientReader(options, 'websocket')],
  ['clientSse', (options) => new ClientReader(options, 'sse')],
  ['clientPoll', (options) => new ClientReader(options, 'poll')],
]

/** One reader of each kind, all of the same channels. Their names begin with that of `options`. */
export function oneReaderOfEach({ name, chance, ...shared }: ReaderOptions): Reader[] {
  return READERS.map(([kind, make]) => {
    const own = `${name}-${kind}`
    return make({ ...shared, name: own, chance: chance.fork(own) })
  })
}

export function makeReaders(load: Load, { chance, ...shared }: ClientSurroundings): Reader[] {
  const channels = channelsOf(load)
  return READERS.flatMap(([kind, make]) =>
    named(load.readers[kind], `reader-${kind}`, (name) => {
      const own = chance.fork(name)
      const mine = own.sample(channels, load.channelsPerReader)
      return make({ ...shared, name, channels: mine, chance: own })
    }),
  )
}

export function makePublishers(load: Load, { chance, ...shared }: ClientSurroundings): Publisher[] {
  const { bodyBytes, ratePerSecond, answerMs } = load
  const common = { ...shared, channels: channelsOf(load), bodyBytes, ratePerSecond, answerMs }
  const kinds: [keyof Load['publishers'], (options: PublisherOptions, i: number) => Publisher][] = [
    ['websocket', (options) => new WebSocketPublisher(options)],
    ['http', (options) => new HttpPublisher(options)],
    ['client', (options, i) => new ClientPublisher(options, TRANSPORTS[i % TRANSPORTS.length]!)],
  ]
  return kinds.flatMap(([kind, make]) =>
    named(load.publishers[kind], `publisher-${kind}`, (name, i) =>
      make({ ...common, name, chance: chance.fork(name) }, i),
    ),
  )
}

function named<T>(count: number, kind: string, make: (name: string, i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(`${kind}-${i}`, i))
}
