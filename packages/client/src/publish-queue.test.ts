import type { Envelope } from '@tidewire/protocol'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { backoffOf } from './backoff.ts'
import { TidewireError } from './errors.ts'
import { ACK_TIMEOUT_MS, PublishQueue, WINDOW } from './publish-queue.ts'
import { FakeTimers } from './testing/fake-timers.ts'
import type { Published } from './types.ts'

const closed = new TidewireError('closed', 'Closed.')
const busy = new TidewireError('rate_limited', 'Slower.', { retryAfterMs: 2000 })

let timers: FakeTimers
let sent: string[]
let counts: number[]
let queue: PublishQueue

beforeEach(() => {
  timers = new FakeTimers()
  sent = []
  counts = []
  queue = new PublishQueue({
    max: 200,
    backoff: backoffOf({ minMs: 100, maxMs: 100 }),
    send: ({ metadata }) => sent.push(metadata.message_id!),
    onCount: (count) => counts.push(count),
    random: () => 0,
    timers,
  })
})

function frame(id: string, channel = 'chat:a'): Envelope {
  return { type: 'message', payload: {}, metadata: { message_id: id, channel } }
}

/** Publishes, and keeps what came of it. */
function publish(id: string, channel?: string, signal?: AbortSignal): { outcome: () => unknown } {
  let outcome: unknown = 'pending'
  const set = (value: unknown): void => {
    outcome = value
  }
  queue.publish(frame(id, channel), { signal }).then(set, set)
  return { outcome: () => outcome }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const ack = { channel: 'chat:a', epoch: 'e1', offset: 7, duplicate: false }

describe('the queue of publications', () => {
  it('sends at once when there is a connection, and resolves with the ack', async () => {
    queue.online()
    const one = publish('1')
    expect(sent).toEqual(['1'])
    queue.acked('1', ack)
    await settled()
    expect(one.outcome()).toEqual({ messageId: '1', epoch: 'e1', offset: 7, duplicate: false })
    expect(counts).toEqual([1, 0])
  })

  it('keeps what is published offline and sends it in order', () => {
    for (const id of ['1', '2', '3']) publish(id)
    expect([sent, queue.size]).toEqual([[], 3])
    queue.online()
    expect(sent).toEqual(['1', '2', '3'])
  })

  it('sends what had no answer again after a reconnect, in the old order, before what came later', () => {
    queue.online()
    for (const id of ['1', '2', '3']) publish(id)
    queue.acked('2', ack)
    queue.offline(false)
    publish('4')
    sent = []
    queue.online()
    expect(sent).toEqual(['1', '3', '4'])
  })

  it('has at most a window of them under way: acknowledgements pace the rest', () => {
    for (let i = 0; i < WINDOW + 10; i++) publish(`${i}`)
    queue.online()
    expect(sent).toHaveLength(WINDOW)
    queue.acked('0', ack)
    expect(sent.at(-1)).toBe(`${WINDOW}`)
  })

  it('sends no faster than the server takes it, in order, with some room for the network', () => {
    queue.pace(20, 10)
    for (let i = 0; i < 30; i++) publish(`${i}`)
    queue.online()
    // A tenth of the burst is left to the network.
    expect(sent).toHaveLength(18)
    for (let i = 0; i < 18; i++) queue.acked(`${i}`, ack)
    expect(sent).toHaveLength(18)
    timers.advance(99)
    expect(sent).toHaveLength(18)
    timers.advance(1)
    expect(sent).toHaveLength(19)
    timers.advance(1000)
    expect(sent).toHaveLength(29)
    timers.advance(100)
    for (let i = 18; i < 30; i++) queue.acked(`${i}`, ack)
    expect(sent).toEqual(Array.from({ length: 30 }, (_, i) => `${i}`))
    // Never more at once than the burst, however long nothing was sent.
    timers.advance(3_600_000)
    sent = []
    for (let i = 30; i < 60; i++) publish(`${i}`)
    expect(sent).toHaveLength(18)
  })

  it('sends no more than the server takes at once while it cannot know what has arrived', () => {
    queue.pace(20, 10)
    for (let i = 0; i < 40; i++) publish(`${i}`)
    queue.online()
    // All of them may still be on their way, and time brings a server that has not been asked nothing.
    timers.advance(ACK_TIMEOUT_MS - 1)
    expect(sent).toHaveLength(18)
    for (let i = 0; i < 18; i++) queue.acked(`${i}`, ack)
    expect(sent).toHaveLength(18)
    timers.advance(100)
    expect(sent).toHaveLength(19)
  })

  it('is refused nothing, however the network bunches what was sent apart', () => {
    const deed = fc.record({
      do: fc.constantFrom('publish', 'arrive', 'answer', 'time'),
      count: fc.integer({ min: 1, max: 60 }),
    })
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 60, size: 'max' }), (deeds) => {
        const time = new FakeTimers()
        const [burst, perMs] = [20, 0.1]
        const [up, down]: [string[], string[]] = [[], []]
        let level = burst
        let last = time.now()
        let published = 0
        const q = new PublishQueue({
          max: 10_000,
          backoff: backoffOf({ minMs: 10, maxMs: 10 }),
          send: ({ metadata }) => up.push(metadata.message_id!),
          onCount: () => undefined,
          timers: time,
        })
        q.pace(burst, perMs * 1000)
        q.online()
        const steps: Record<string, () => unknown> = {
          publish: () => void q.publish(frame(`${(published += 1)}`), {}),
          arrive: () => {
            const id = up.shift()
            if (id === undefined) return
            level = Math.min(burst, level + (time.now() - last) * perMs) - 1
            last = time.now()
            expect(level).toBeGreaterThanOrEqual(0)
            down.push(id)
          },
          answer: () => q.acked(down.shift() ?? 'none', ack),
          time: () => time.advance(1),
        }
        for (const { do: name, count } of deeds) for (let i = 0; i < count; i++) steps[name]!()
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['tells no pace', Infinity, 0],
    ['tells half of one', 5, 0],
    ['tells what is no number', Number.NaN, Number.NaN],
  ])('sends as much as comes when the server %s', (_, burst, perSecond) => {
    queue.pace(2, 1)
    queue.pace(burst, perSecond)
    queue.online()
    for (let i = 0; i < 50; i++) publish(`${i}`)
    expect(sent).toHaveLength(50)
  })

  it('rejects what it has no room for', async () => {
    for (let i = 0; i < 200; i++) publish(`${i}`)
    const late = publish('late')
    await settled()
    expect(late.outcome()).toMatchObject({ code: 'queue_full', temporary: true })
    expect(queue.size).toBe(200)
  })

  it('rejects an id that is under way already', async () => {
    publish('1')
    const again = publish('1')
    await settled()
    expect(again.outcome()).toMatchObject({ code: 'invalid_argument' })
  })

  it('rejects with what the server refused for good', async () => {
    queue.online()
    const one = publish('1')
    expect(queue.refused('1', new TidewireError('forbidden', 'No.'))).toBe(true)
    await settled()
    expect(one.outcome()).toMatchObject({ code: 4011 })
    expect(queue.size).toBe(0)
  })

  it('tries again after a temporary refusal, no sooner than the server said, and keeps the order', () => {
    queue.online()
    publish('1')
    queue.refused('1', busy)
    publish('2')
    publish('other', 'chat:b')
    expect(sent).toEqual(['1', 'other'])
    timers.advance(1999)
    expect(sent).toEqual(['1', 'other'])
    timers.advance(1)
    expect(sent).toEqual(['1', 'other', '1', '2'])
  })

  it('sends again what had no answer for ten seconds, with the same id', () => {
    queue.online()
    publish('1')
    timers.advance(ACK_TIMEOUT_MS - 1)
    expect(sent).toEqual(['1'])
    timers.advance(1)
    expect(sent).toEqual(['1', '1'])
    timers.advance(ACK_TIMEOUT_MS)
    expect(sent).toEqual(['1', '1', '1'])
  })

  it('forgets what is aborted, sent or not', async () => {
    const abort = new AbortController()
    const waiting = publish('1', 'chat:a', abort.signal)
    queue.online()
    const sentOne = publish('2', 'chat:a', abort.signal)
    abort.abort(new Error('enough'))
    await settled()
    for (const { outcome } of [waiting, sentOne]) {
      expect(outcome()).toMatchObject({ code: 'aborted', cause: { message: 'enough' } })
    }
    expect(queue.size).toBe(0)
    expect(queue.acked('2', ack)).toBe(false)
    const late = publish('3', 'chat:a', abort.signal)
    await settled()
    expect(late.outcome()).toMatchObject({ code: 'aborted' })
    expect(sent).not.toContain('3')
  })

  it('does not take the late answer to what was aborted for that to another body', async () => {
    queue.online()
    const aborting = new AbortController()
    publish('k', 'chat:a', aborting.signal)
    aborting.abort()
    const other = { ...frame('k'), payload: { another: true } }
    await expect(queue.publish(other, {})).rejects.toMatchObject({ code: 'invalid_argument' })
    const same = publish('k')
    queue.acked('k', ack)
    await settled()
    expect(same.outcome()).toMatchObject({ messageId: 'k', offset: 7 })
    const later = queue.publish(other, {})
    queue.acked('k', { ...ack, offset: 8 })
    expect(await later).toMatchObject({ offset: 8 })
  })

  it('gives up what ended the connection by its size, and keeps the rest', async () => {
    queue.online()
    publish('1')
    const payload = { text: 'x'.repeat(10_000) }
    let refused: unknown
    queue.publish({ ...frame('big'), payload }, {}).catch((error: unknown) => (refused = error))
    queue.offline(true)
    sent = []
    queue.online()
    await settled()
    expect(sent).toEqual(['1'])
    expect(refused).toMatchObject({ code: 4005 })
  })

  it('rejects all when the client ends', async () => {
    const one = publish('1')
    queue.fail(closed)
    await settled()
    expect(one.outcome()).toBe(closed)
    expect([queue.size, counts.at(-1), timers.pending]).toEqual([0, 0, 0])
  })

  it('leaves no timer when nothing is under way', () => {
    queue.online()
    publish('1')
    expect(timers.pending).toBe(1)
    queue.acked('1', ack)
    expect(timers.pending).toBe(0)
  })
})

// What the network may do to publications.
type Deed = 'publish' | 'arrive' | 'answer' | 'lose frame' | 'lose answer' | 'cut' | 'time' | 'busy'

describe('any order of losses, cuts and refusals', () => {
  const deeds = fc.array(
    fc.constantFrom<Deed>(
      'publish',
      'publish',
      'arrive',
      'arrive',
      'answer',
      'answer',
      'lose frame',
      'lose answer',
      'cut',
      'time',
      'busy',
    ),
    { maxLength: 150, size: 'max' },
  )

  it('lands every publication once; those of a channel in order, unless one was refused', async () => {
    let landed = 0
    await fc.assert(
      fc.asyncProperty(deeds, async (list) => {
        const time = new FakeTimers()
        let up: string[] = []
        let down: { id: string; refused: boolean }[] = []
        const log: string[] = []
        let refusals = 0
        const acked: string[] = []
        const q = new PublishQueue({
          max: 1000,
          backoff: backoffOf({ minMs: 10, maxMs: 10 }),
          send: ({ metadata }) => up.push(metadata.message_id!),
          onCount: () => undefined,
          random: () => 0.5,
          timers: time,
        })
        const published: string[] = []
        const accept = (): void => {
          const id = up.shift()
          if (id === undefined) return
          if (!log.includes(id)) log.push(id)
          down.push({ id, refused: false })
        }
        const answer = (): void => {
          const next = down.shift()
          if (next === undefined) return
          if (next.refused) q.refused(next.id, busy)
          else q.acked(next.id, ack)
        }
        const promises: Promise<Published | undefined>[] = []
        q.online()
        for (const deed of list) {
          if (deed === 'publish') {
            const id = `${published.length}`
            published.push(id)
            promises.push(q.publish(frame(id), {}).finally(() => acked.push(id)))
          } else if (deed === 'arrive') accept()
          else if (deed === 'answer') answer()
          else if (deed === 'lose frame') {
            // Only the end of a connection loses frames: what came behind it is lost, too.
            up = []
            q.offline(false)
            q.online()
          } else if (deed === 'lose answer') down.shift()
          else if (deed === 'cut') {
            up = []
            down = []
            q.offline(false)
            q.online()
          } else if (deed === 'time') time.advance(4000)
          else if (up.length > 0) {
            refusals += 1
            down.push({ id: up.shift()!, refused: true })
          }
        }
        for (let i = 0; q.size > 0 && i < 1000; i++) {
          while (up.length > 0) accept()
          while (down.length > 0) answer()
          time.advance(1000)
        }
        await Promise.all(promises)
        expect(acked).toHaveLength(published.length)
        expect(log.toSorted()).toEqual(published.toSorted())
        expect(refusals === 0 ? log : published).toEqual(published)
        landed += log.length
      }),
      { numRuns: 1000 },
    )
    expect(landed).toBeGreaterThan(1000)
  })
})
