import { type JsonObject, type Position, ProtocolError, type Publication } from '@tidewire/protocol'
import type { Appended, Log, Page, Range, Retention } from '@tidewire/server/testing'
import type { Node } from './simulator.ts'

/** How long a `message_id` identifies a publication (PROTOCOL.md §4). */
const WINDOW_MS = 5 * 60_000

/** Keeps what follows each other from falling into one moment, which has no order. */
const INSTANT_MS = 0.001

interface DiskChannel {
  /** The publication with offset n is at n - 1 - trimmed. */
  publications: Publication[]
  trimmed: number
  /** `body`: what is compared with a repetition; `undefined` once it was replaced. */
  ids: Map<string, { offset: number; body: string | undefined; at: number }>
}

export interface DiskOptions {
  /** Publications of one page. */
  pageSize: number
  /** What anything takes, at most. */
  latencyMs: number
  /** It does one thing after the other. */
  inOrder: boolean
}

/** What outlives a crash. Several nodes may write to it. */
export class Disk {
  /** How often it was read. */
  reads = 0
  /** How often what it holds was replaced, and 1: each time is an epoch. */
  lives = 1
  /** `failing`: commits and reads fail, and nobody knows what was written; `full`: surely nothing was. */
  state: 'well' | 'failing' | 'full' = 'well'
  /** Publications of one page. */
  readonly pageSize: number
  /** What anything takes, at most. */
  readonly latencyMs: number
  readonly inOrder: boolean
  readonly #channels = new Map<string, DiskChannel>()
  /** Written since the last sync. */
  #unsynced: Publication[] = []

  constructor({ pageSize, latencyMs, inOrder }: DiskOptions) {
    this.pageSize = pageSize
    this.latencyMs = latencyMs
    this.inOrder = inOrder
  }

  get epoch(): string {
    return `disk-${this.lives}`
  }

  top(channel: string): number {
    const { trimmed, publications } = this.#of(channel)
    return trimmed + publications.length
  }

  write(draft: Publication, now: number): Appended | ProtocolError {
    const { channel: name, message_id } = draft.metadata
    const channel = this.#of(name)
    const body = JSON.stringify([draft.type, draft.payload])
    const first = channel.ids.get(message_id)
    const { epoch } = this
    if (first !== undefined && now - first.at <= WINDOW_MS) {
      if (first.body === undefined || first.body === body)
        return { epoch, offset: first.offset, duplicate: true }
      return new ProtocolError('conflict', 'Another publication has this `message_id`.')
    }
    const offset = this.top(name) + 1
    const publication = { ...draft, metadata: { ...draft.metadata, offset } }
    channel.publications.push(publication)
    this.#unsynced.push(publication)
    channel.ids.set(message_id, { offset, body, at: now })
    return { epoch, offset, duplicate: false }
  }

  replace(name: string, { epoch, offset }: Position, payload: JsonObject): boolean {
    const { publications, trimmed, ids } = this.#of(name)
    const old = publications[offset - 1 - trimmed]
    if (epoch !== this.epoch || old === undefined) return false
    publications[offset - 1 - trimmed] = { ...old, payload }
    const first = ids.get(old.metadata.message_id)
    if (first?.offset === offset) first.body = undefined
    return true
  }

  /** What was written so far lasts. */
  sync(): void {
    this.#unsynced = []
  }

  /** The power fails: what was not synced is gone. */
  loseTail(): void {
    for (const { metadata } of this.#unsynced.splice(0).toReversed()) {
      const { publications, trimmed, ids } = this.#of(metadata.channel)
      ids.delete(metadata.message_id)
      if (metadata.offset! > trimmed) publications.pop()
    }
  }

  /** An earlier state is put back: in each channel `lose` of so many are missing. */
  restore(lose: (held: number) => number): void {
    this.lives += 1
    this.#unsynced = []
    for (const { publications, ids } of this.#channels.values()) {
      const kept = publications.length - lose(publications.length)
      for (const { metadata } of publications.splice(kept)) ids.delete(metadata.message_id)
    }
  }

  read(name: string, { after, before, limit }: Range): Page {
    this.reads += 1
    const { trimmed, publications } = this.#of(name)
    const newest = trimmed + publications.length
    const top = Math.min(newest, (before ?? Infinity) - 1)
    const bottom = Math.max(trimmed, after ?? 0)
    const count = Math.min(limit, this.pageSize, Math.max(0, top - bottom))
    const first = before !== undefined && after === undefined ? top - count : bottom
    return {
      epoch: this.epoch,
      oldest: trimmed + 1,
      newest,
      publications: publications.slice(first - trimmed, first - trimmed + count),
      more: count < top - bottom,
    }
  }

  trim(namespace: string, { max_entries = Infinity }: Retention): number {
    let taken = 0
    for (const [name, channel] of this.#channels) {
      if (!name.startsWith(`${namespace}:`)) continue
      const excess = Math.max(0, channel.publications.length - max_entries)
      channel.publications.splice(0, excess)
      channel.trimmed += excess
      taken += excess
    }
    return taken
  }

  #of(name: string): DiskChannel {
    let channel = this.#channels.get(name)
    if (channel === undefined) {
      channel = { publications: [], trimmed: 0, ids: new Map() }
      this.#channels.set(name, channel)
    }
    return channel
  }
}

interface Waiting {
  /** Writes to the disk and returns what tells how that went. */
  write: (now: number) => () => void
  reject: (error: ProtocolError) => void
}

/**
 * A node's log on a disk. Writes are committed in groups, and a crash takes those that were not committed; it may also come
 * after a commit and before its answers. Reads see the disk at some moment between their call and their answer.
 */
export class DiskLog implements Log {
  readonly #node: Node
  readonly #disk: Disk
  #waiting: Waiting[] = []
  /** How long what was asked for last still takes. */
  #busyUntil = 0

  constructor(node: Node, disk: Disk) {
    this.#node = node
    this.#disk = disk
  }

  append(draft: Publication): Promise<Appended> {
    return this.#write((now) => this.#disk.write(draft, now))
  }

  replace(channel: string, position: Position, payload: JsonObject): Promise<boolean> {
    return this.#write(() => this.#disk.replace(channel, position, payload))
  }

  read(channel: string, range: Range): Promise<Page> {
    return new Promise((resolve, reject) => {
      this.#later(() => {
        if (this.#fails()) {
          this.#later(() => reject(unavailable()), 'failed read')
          return
        }
        const page = this.#disk.read(channel, range)
        this.#later(() => resolve(page), 'page')
      })
    })
  }

  trim(namespace: string, retention: Retention): Promise<number> {
    return Promise.resolve(this.#disk.trim(namespace, retention))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #write<T>(work: (now: number) => T | ProtocolError): Promise<T> {
    return new Promise((resolve, reject) => {
      const write = (now: number) => {
        const outcome = work(now)
        return () => (outcome instanceof ProtocolError ? reject(outcome) : resolve(outcome))
      }
      this.#waiting.push({ write, reject })
      if (this.#waiting.length === 1) this.#later(() => this.#commit(), 'commit')
    })
  }

  #commit(): void {
    const group = this.#waiting
    this.#waiting = []
    const fails = this.#fails()
    const full = this.#disk.state === 'full'
    const written = !full && (!fails || this.#node.chance.happens(0.5))
    const now = this.#node.now()
    const answers = written ? group.map(({ write }) => write(now)) : []
    this.#disk.sync()
    this.#later(() => {
      for (const [i, { reject }] of group.entries()) {
        const answer = answers[i]
        if (full) reject(new ProtocolError('storage_full', 'The disk is full.'))
        else if (fails || answer === undefined) reject(unavailable())
        else answer()
      }
    }, 'committed')
  }

  #fails(): boolean {
    return this.#disk.state === 'failing' && this.#node.chance.happens(0.5)
  }

  #later(fn: () => void, what = 'read'): void {
    const { latencyMs, inOrder } = this.#disk
    const ms = this.#node.chance.next() * latencyMs
    if (!inOrder) return void this.#node.after(ms, fn, what)
    const { uptime } = this.#node
    this.#busyUntil = Math.max(uptime + ms, this.#busyUntil + INSTANT_MS)
    this.#node.after(this.#busyUntil - uptime, fn, what)
  }
}

function unavailable(): ProtocolError {
  return new ProtocolError('unavailable', 'The disk does not answer.')
}
