import type { JsonObject, Position, ProtocolError, Publication } from '@tidewire/protocol'
import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import type { Page, Range, ReadPage, Receipt } from '../src/core/ports/broker.ts'
import type { Retention } from '../src/core/ports/log.ts'
import type { FakeClock } from '../src/testing/fake-clock.ts'

/** A draft as the core completes it. */
export function draft(
  channel: string,
  messageId: string,
  { type = 'message', payload = {} }: Partial<Pick<Publication, 'type' | 'payload'>> = {},
): Publication {
  return {
    type,
    payload,
    metadata: {
      message_id: messageId,
      timestamp: '2026-11-20T12:00:00.000Z',
      client_id: 'client-1',
      user: 'ada',
      channel,
    },
  }
}

/** One channel of a log or a broker. What is absent it cannot do. */
export interface Subject {
  readonly clock: FakeClock
  append(publication: Publication): Promise<Receipt>
  read(range: Range): Promise<ReadPage>
  replace(position: Position, payload: JsonObject): Promise<boolean>
  trim?: (retention: Retention) => Promise<number>
  restart?: () => Promise<void>
}

/** What a page holds, and whether it says that there is more. */
export function extentOf({ publications, more }: Page): { offsets: unknown[]; more: boolean } {
  return { offsets: publications.map(({ metadata }) => metadata.offset), more }
}

const FIVE_MINUTES = 5 * 60_000

interface Entry {
  id: string
  body: number
  at: number
  /** The body is not the one that was appended. */
  replaced?: boolean
}

/** What a channel is: an array. */
export class ChannelModel {
  readonly channel: string
  readonly entries: Entry[] = []
  /** Lowest offset that is still held. */
  oldest = 1
  epoch: string | undefined
  /** What is held at any moment, where the subject does not wait for a trim. */
  readonly #retention: Retention

  constructor(channel: string, retention: Retention = {}) {
    this.channel = channel
    this.#retention = retention
  }

  get newest(): number {
    return this.entries.length
  }

  append(id: string, body: number, now: number): Omit<Receipt, 'epoch'> | 'conflict' {
    const first = this.entries.findLastIndex((entry) => entry.id === id)
    const known = this.entries[first]
    if (known !== undefined && now - known.at <= FIVE_MINUTES) {
      const same = known.replaced === true || known.body === body
      return same ? { offset: first + 1, duplicate: true } : 'conflict'
    }
    this.entries.push({ id, body, at: now })
    return { offset: this.newest, duplicate: false }
  }

  replace({ epoch, offset }: Position, body: number, now: number): boolean {
    this.trim(this.#retention, now)
    const entry = this.entries[offset - 1]
    if (entry === undefined || offset < this.oldest || epoch !== this.epoch) return false
    entry.body = body
    entry.replaced = true
    return true
  }

  trim({ max_entries = Infinity, max_age_ms = Infinity }: Retention, now: number): number {
    const before = this.oldest
    this.oldest = Math.max(this.oldest, this.newest - max_entries + 1)
    const kept = this.entries.slice(this.oldest - 1).findIndex(({ at }) => at >= now - max_age_ms)
    this.oldest = kept === -1 ? this.newest + 1 : this.oldest + kept
    return this.oldest - before
  }

  publication(offset: number): Publication {
    const { id, body } = this.entries.at(offset - 1)!
    const publication = draft(this.channel, id, { payload: { body } })
    publication.metadata.offset = offset
    return publication
  }

  page(range: Range, now: number): { offsets: number[]; more: boolean } {
    this.trim(this.#retention, now)
    const { after = 0, before = Infinity, limit } = range
    const inRange = this.entries
      .map((_, i) => i + 1)
      .filter((offset) => offset >= this.oldest && offset > after && offset < before)
    const backwards = range.before !== undefined && range.after === undefined
    const offsets = backwards
      ? inRange.slice(Math.max(0, inRange.length - limit))
      : inRange.slice(0, limit)
    return { offsets, more: offsets.length < inRange.length }
  }
}

type Command = fc.AsyncCommand<ChannelModel, Subject>
/** `back`: how far below the newest; `at`: which epoch. */
type Write =
  | { kind: 'append'; id: number; body: number }
  | { kind: 'replace'; back: number; body: number; at: 'epoch' | 'another epoch' }

/** Asked for in one turn. Few ids and bodies, so that repetitions and conflicts are common. */
class WriteAll implements Command {
  readonly #writes: readonly Write[]

  constructor(writes: readonly Write[]) {
    this.#writes = writes
  }

  check(): boolean {
    return true
  }

  async run(model: ChannelModel, subject: Subject): Promise<void> {
    const expected: unknown[] = []
    const answers: Promise<Receipt | boolean>[] = []
    for (const write of this.#writes) {
      const now = subject.clock.now()
      const payload = { body: write.body }
      if (write.kind === 'append') {
        const id = `id-${write.id}`
        expected.push(model.append(id, write.body, now))
        answers.push(subject.append(draft(model.channel, id, { payload })))
      } else {
        const epoch = write.at === 'epoch' ? (model.epoch ?? 'not known yet') : 'another'
        const position = { epoch, offset: model.newest - write.back }
        expected.push(model.replace(position, write.body, now))
        answers.push(subject.replace(position, payload))
      }
    }
    const outcomes = await Promise.allSettled(answers)
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled' && typeof outcome.value === 'object') {
        model.epoch ??= outcome.value.epoch
      }
    }
    for (const [i, outcome] of outcomes.entries()) {
      assert.deepEqual(toExpected(outcome, model.epoch), expected[i])
    }
  }

  toString(): string {
    return `write ${JSON.stringify(this.#writes)}`
  }
}

/** An outcome in the words of the model. */
function toExpected(outcome: PromiseSettledResult<Receipt | boolean>, epoch?: string): unknown {
  if (outcome.status === 'rejected') return (outcome.reason as ProtocolError).reason
  if (typeof outcome.value === 'boolean') return outcome.value
  const { epoch: own, ...receipt } = outcome.value
  assert.equal(own, epoch)
  return receipt
}

class Read implements Command {
  readonly #range: Range

  constructor(range: Range) {
    this.#range = range
  }

  check(): boolean {
    return true
  }

  async run(model: ChannelModel, subject: Subject): Promise<void> {
    const { offsets, more } = model.page(this.#range, subject.clock.now())
    const { texts, ...page } = await subject.read(this.#range)
    model.epoch ??= page.epoch
    assert.deepEqual(page, {
      epoch: model.epoch,
      oldest: model.oldest,
      newest: model.newest,
      more,
      publications: offsets.map((offset) => model.publication(offset)),
    })
    const same = page.publications.map((publication) => JSON.stringify(publication))
    assert.deepEqual(texts ?? same, same)
  }

  toString(): string {
    return `read ${JSON.stringify(this.#range)}`
  }
}

class Trim implements Command {
  readonly #retention: Retention

  constructor(retention: Retention) {
    this.#retention = retention
  }

  check(): boolean {
    return true
  }

  async run(model: ChannelModel, subject: Subject): Promise<void> {
    const expected = model.trim(this.#retention, subject.clock.now())
    assert.equal(await subject.trim!(this.#retention), expected)
  }

  toString(): string {
    return `trim ${JSON.stringify(this.#retention)}`
  }
}

class Pass implements Command {
  readonly #ms: number

  constructor(ms: number) {
    this.#ms = ms
  }

  check(): boolean {
    return true
  }

  run(_: ChannelModel, { clock }: Subject): Promise<void> {
    return clock.advance(this.#ms)
  }

  toString(): string {
    return `${this.#ms} ms pass`
  }
}

class Restart implements Command {
  check(): boolean {
    return true
  }

  run(_: ChannelModel, subject: Subject): Promise<void> {
    return subject.restart!()
  }

  toString(): string {
    return 'restart'
  }
}

/** Sequences of what a channel can be asked. */
export function channelCommands(can: {
  trim: boolean
  restart: boolean
}): fc.Arbitrary<Iterable<Command>> {
  const bound = fc.option(fc.nat(30), { nil: undefined })
  const body = fc.nat({ max: 1 })
  const append = fc.record({ kind: fc.constant('append' as const), id: fc.nat(12), body })
  const replace = fc.record({
    kind: fc.constant('replace' as const),
    // Also above the newest.
    back: fc.integer({ min: -2, max: 12 }),
    body: fc.integer({ min: 0, max: 3 }),
    at: fc.constantFrom('epoch' as const, 'epoch' as const, 'another epoch' as const),
  })
  const write = fc.oneof({ arbitrary: append, weight: 3 }, { arbitrary: replace, weight: 1 })
  const writes = fc.array(write, { minLength: 1, maxLength: 8 }).map((all) => new WriteAll(all))
  const reads = fc
    .record({ after: bound, before: bound, limit: fc.nat(10) })
    .map((range) => new Read(range))
  const passes = fc.constantFrom(1000, 60_000, 150_000, 300_001).map((ms) => new Pass(ms))
  const trims = retentions().map((retention) => new Trim(retention))
  // All are picked as often as they stand here.
  const common = [writes, reads, writes, reads, passes, ...(can.trim ? [trims] : [])]
  return can.restart
    ? fc.commands([...common, ...common, ...common, fc.constant(new Restart())], {
        maxCommands: 40,
        size: 'max',
      })
    : fc.commands(common, { maxCommands: 80, size: 'max' })
}

function retentions(): fc.Arbitrary<Retention> {
  return fc.oneof(
    fc.nat(12).map((max_entries) => ({ max_entries })),
    fc.constantFrom(0, 60_000, 200_000).map((max_age_ms) => ({ max_age_ms })),
    fc.record({ max_entries: fc.nat(12), max_age_ms: fc.constantFrom(60_000, 200_000) }),
  )
}

/** What two writers were answered, each in the order of its calls, and what a reader saw meanwhile. */
export interface Interleaving {
  offsets: readonly [number[], number[]]
  seen: number[]
}

/** Two writers that do not wait for their answers, and a reader, whose steps the scheduler interleaves. */
export async function interleave(
  scheduler: fc.Scheduler,
  channel: string,
  subject: Pick<Subject, 'append' | 'read'>,
  counts: readonly [number, number],
): Promise<Interleaving> {
  const write = async (writer: number, count: number): Promise<number[]> => {
    const answers: Promise<Receipt>[] = []
    const steps = Array.from({ length: count }, (_, i) => async () => {
      answers.push(subject.append(draft(channel, `${writer}-${i}`)))
    })
    await scheduler.scheduleSequence(steps).task
    return (await Promise.all(answers)).map(({ offset }) => offset ?? 0)
  }
  const seen: number[] = []
  const read = async (): Promise<void> => {
    const { publications } = await subject.read({ after: seen.at(-1) ?? 0, limit: 3 })
    seen.push(...publications.map(({ metadata }) => metadata.offset ?? 0))
  }
  const reads = Array.from({ length: 10 }, () => read)
  const [one, two] = await scheduler.waitFor(
    Promise.all([write(1, counts[0]), write(2, counts[1]), scheduler.scheduleSequence(reads).task]),
  )
  return { offsets: [one, two], seen }
}

/** Whether an interleaving of two writers is one order without holes. */
export function isOneOrder({ offsets, seen }: Interleaving): boolean {
  const ascends = (list: readonly number[]): boolean =>
    list.every((offset, i) => offset > (list[i - 1] ?? 0))
  const whole = (list: readonly number[]): boolean => list.every((offset, i) => offset === i + 1)
  const [one, two] = offsets
  return (
    ascends(one) && ascends(two) && whole([...one, ...two].sort((a, b) => a - b)) && whole(seen)
  )
}
