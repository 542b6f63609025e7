import type { Position } from '@tidewire/protocol'
import { Chance } from '../../chance.ts'
import type { HistoryEvent, NewEvent } from '../events.ts'

/** A history that breaks no rule, and what `check` has to be told of it. */
export interface CleanHistory {
  events: HistoryEvent[]
  resets: number
  epochs: number
}

export interface HistoryShape {
  seed: number
  /** Steps before the end; each is about one event. */
  steps: number
  channels?: number
  publishers?: number
  readers?: number
}

interface Log {
  readonly name: string
  epoch: string
  values: string[]
  oldest: number
  /** key → offset, of this life. */
  keys: Map<string, number>
}

interface Pending {
  log: Log
  key: string
  value: string
  /** Landed during an earlier attempt, in this epoch. */
  landedBefore: string | undefined
}

interface Publisher {
  readonly client: string
  sent: number
  pending: Pending | undefined
}

interface Reader {
  client: string
  log: Log
  state: 'idle' | 'live' | 'away' | 'left'
  position: Position | undefined
}

/** Plays a correct server and its clients, event by event, by the chance of the seed. */
export function randomHistory(shape: HistoryShape): CleanHistory {
  const model = new Model(shape)
  for (let i = 0; i < shape.steps; i++) model.step()
  return model.end()
}

class Model {
  readonly #chance: Chance
  readonly #logs: Log[]
  readonly #publishers: Publisher[]
  readonly #readers: Reader[]
  readonly #events: HistoryEvent[] = []
  #t = 0
  #resets = 0
  #restarts = 0

  constructor({ seed, channels = 2, publishers = 3, readers = 4 }: HistoryShape) {
    this.#chance = new Chance(seed)
    const named = <T>(count: number, make: (i: number) => T): T[] =>
      Array.from({ length: count }, (_, i) => make(i))
    this.#logs = named(channels, (i) => {
      return { name: `chat:${i}`, epoch: 'e0', values: [], oldest: 1, keys: new Map() }
    })
    this.#publishers = named(publishers, (i) => {
      return { client: `p${i}`, sent: 0, pending: undefined }
    })
    this.#readers = named(readers, (i) => {
      const log = this.#logs[i % channels]!
      return { client: `r${i}`, log, state: 'idle', position: undefined }
    })
  }

  step(): void {
    const dice = this.#chance.next()
    if (dice < 0.35) this.#publish(this.#chance.pick(this.#publishers))
    else if (dice < 0.98) {
      if (this.#readers.length > 0) this.#read(this.#chance.pick(this.#readers))
    } else if (dice < 0.99) this.#trim(this.#chance.pick(this.#logs))
    else if (this.#chance.happens(0.2)) this.#restart()
  }

  end(): CleanHistory {
    for (const publisher of this.#publishers) {
      while (publisher.pending !== undefined) this.#answer(publisher)
    }
    for (const reader of this.#readers) {
      if (reader.state === 'left') continue
      if (reader.state !== 'live') this.#subscribe(reader)
      while (this.#deliver(reader));
    }
    for (const { name, epoch, oldest, values } of this.#logs) {
      const items = values.map((value, i): [number, string] => [i + 1, value]).slice(oldest - 1)
      const range = { oldest, newest: values.length, items }
      this.#record({ type: 'hist', client: 'controller', channel: name, epoch, ...range })
    }
    return { events: this.#events, resets: this.#resets, epochs: this.#restarts + 1 }
  }

  #publish(publisher: Publisher): void {
    if (publisher.pending !== undefined) return this.#answer(publisher)
    const { client } = publisher
    const value = `${client}-${(publisher.sent += 1)}`
    const log = this.#chance.pick(this.#logs)
    publisher.pending = { log, key: `k-${value}`, value, landedBefore: undefined }
    this.#record({ type: 'pub.invoke', client, channel: log.name, key: `k-${value}`, value })
  }

  #answer(publisher: Publisher): void {
    const { client, pending } = publisher
    const { log, key, value } = pending!
    const base = { client, channel: log.name, key, value }
    const dice = this.#chance.next()
    if (dice < 0.08 && pending!.landedBefore === undefined) {
      this.#record({ type: 'pub.fail', ...base, code: 4011 })
      publisher.pending = undefined
      return
    }
    const lands = dice < 0.9 || this.#chance.happens(0.5)
    const duplicate = log.keys.has(key)
    if (lands && !duplicate) log.keys.set(key, log.values.push(value))
    if (dice < 0.8) {
      const { epoch } = log
      const offset = log.keys.get(key)!
      this.#record({ type: 'pub.ok', ...base, epoch, offset, duplicate })
      publisher.pending = undefined
      return
    }
    this.#record({ type: 'pub.info', ...base })
    if (this.#chance.happens(0.1)) {
      publisher.pending = undefined
      return
    }
    pending!.landedBefore = log.epoch
    this.#record({ type: 'pub.invoke', ...base })
  }

  #read(reader: Reader): void {
    if (reader.state !== 'live') {
      if (reader.state !== 'left' || this.#chance.happens(0.3)) this.#subscribe(reader)
      return
    }
    const dice = this.#chance.next()
    if (dice < 0.03) this.#away(reader)
    else if (dice < 0.04) {
      reader.state = 'left'
      reader.position = undefined
      this.#record({ type: 'left', client: reader.client, channel: reader.log.name })
    } else this.#deliver(reader)
  }

  #away(reader: Reader): void {
    reader.state = 'away'
    this.#record({ type: 'disc', client: reader.client, channel: reader.log.name })
  }

  #subscribe(reader: Reader): void {
    const { client, log, position: since } = reader
    const base = { client, channel: log.name }
    this.#record({ type: 'sub.invoke', ...base, ...(since === undefined ? {} : { since }) })
    const newest = log.values.length
    const reason = since === undefined ? undefined : lost(since, log)
    const recovered = since !== undefined && reason === undefined
    const offset = recovered ? since.offset : newest
    reader.position = { epoch: log.epoch, offset }
    reader.state = 'live'
    const { epoch } = log
    const marker = { ...base, epoch, offset, recovered }
    this.#record({ type: 'sub.ok', ...marker, ...(reason === undefined ? {} : { reason }) })
    if (reason === undefined) return
    this.#resets += 1
    // As event streams do.
    if (this.#chance.happens(0.3)) this.#record({ type: 'reset', ...base, epoch, offset, reason })
  }

  /** True when something was delivered. */
  #deliver(reader: Reader): boolean {
    const { client, log, position } = reader
    if (position === undefined || position.offset >= log.values.length) return false
    const base = { client, channel: log.name, epoch: log.epoch }
    if (lost(position, log) !== undefined) {
      reader.position = { epoch: log.epoch, offset: log.values.length }
      this.#resets += 1
      this.#record({ type: 'reset', ...base, offset: log.values.length, reason: 'expired' })
      return true
    }
    const offset = position.offset + 1
    reader.position = { epoch: log.epoch, offset }
    const value = log.values[offset - 1]!
    this.#record({ type: 'recv', ...base, offset, key: `k-${value}`, value })
    return true
  }

  #trim(log: Log): void {
    log.oldest = Math.min(log.values.length + 1, log.oldest + this.#chance.between(1, 10))
  }

  #restart(): void {
    this.#restarts += 1
    this.#record({ type: 'fault', client: 'controller', what: 'restart' })
    for (const log of this.#logs) {
      log.epoch = `e${this.#restarts}`
      log.values = []
      log.oldest = 1
      log.keys = new Map()
    }
    for (const reader of this.#readers) if (reader.state === 'live') this.#away(reader)
  }

  #record(event: NewEvent): void {
    this.#t += this.#chance.between(1, 2000)
    this.#events.push({ t: this.#t, ...event })
  }
}

function lost(since: Position, log: Log): string | undefined {
  if (since.epoch !== log.epoch) return 'epoch_changed'
  return since.offset < log.oldest - 1 ? 'expired' : undefined
}
