import { expect, it } from 'vitest'
import { FakeClock } from './testing/fake-clock.ts'
import { Rounds } from './rounds.ts'

/** Rounds that end when the test says so. */
function start() {
  const clock = new FakeClock()
  const errors: unknown[] = []
  const under: { end: () => void; fail: (error: Error) => void }[] = []
  let count = 0
  const work = (): Promise<void> => {
    count += 1
    return new Promise((end, fail) => under.push({ end, fail }))
  }
  const rounds = new Rounds({ clock, work, onError: (error) => errors.push(error) })
  return { clock, errors, under, rounds, count: () => count }
}

it('come one after the other, and one more for all that was said meanwhile', async () => {
  const { clock, under, rounds, count } = start()
  for (let i = 0; i < 3; i++) rounds.kick()
  expect(count()).toBe(1)
  under[0]?.end()
  await clock.settle()
  expect(count()).toBe(2)
  under[1]?.end()
  await clock.settle()
  expect(count()).toBe(2)
  rounds.kick()
  expect(count()).toBe(3)
})

it('rest for a second after a failure, whoever asks, and then go on by themselves', async () => {
  const { clock, errors, under, rounds, count } = start()
  rounds.kick()
  under[0]?.fail(new Error('No disk.'))
  await clock.settle()
  expect(errors).toEqual([new Error('No disk.')])
  rounds.kick()
  await clock.advance(999)
  expect(count()).toBe(1)
  await clock.advance(1)
  expect(count()).toBe(2)
})

it('end with the round under way, whose failure is no news', async () => {
  const { clock, errors, under, rounds, count } = start()
  rounds.kick()
  let isClosed = false
  const closed = rounds.close().then(() => (isClosed = true))
  await clock.settle()
  expect(isClosed).toBe(false)
  under[0]?.fail(new Error('Stopped.'))
  await closed
  rounds.kick()
  await clock.advance(5_000)
  expect([count(), errors]).toEqual([1, []])
})
