import type { PublishAcked } from '../history/events.ts'
import { dropAnswers } from '../proxy/drop-answers.ts'
import { type Load, standardLoad } from '../rig/load.ts'
import { HttpPublisher } from '../rig/publishers/http-publisher.ts'
import type { Outcome, Publisher } from '../rig/publishers/publisher.ts'
import { WebSocketPublisher } from '../rig/publishers/websocket-publisher.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { pause } from '../rig/until.ts'
import type { Scenario } from './scenario.ts'

const SIZES = {
  small: { scale: 0.1, loadMs: 2500, pairs: 20 },
  large: { scale: 0.5, loadMs: 15_000, pairs: 200 },
}
/** Part of the acks that never arrive. */
const LOST = 0.3
const CONFLICT = 4013

/** Acks are lost and publishers repeat; two send the same at once; one sends another body with a key that is taken. */
export const duplicates: Scenario = {
  id: 'S02',
  title: 'lost acks, repeated and contended keys',
  run: (seed, size) => {
    const { scale, loadMs, pairs } = SIZES[size]
    return run({
      scenario: 'S02',
      seed,
      load: loadOf(scale),
      faults: async (rig) => {
        const chance = rig.chance.fork('acks')
        const make = () => dropAnswers(chance, LOST)
        rig.uplink.add({ type: 'filter', stream: 'downstream', make })
        await pause(loadMs)
        return []
      },
      after: async (rig) => [...repeatsOf(rig), ...(await contend(rig, pairs))],
      rules: () => ({ minAcked: 100, minDelivered: 500 }),
    })
  },
}

function loadOf(scale: number): Load {
  const load = standardLoad('chat', scale)
  // The client package repeats after 10 s on a connection that lives: longer than this scenario takes.
  return {
    ...load,
    publishers: { websocket: 3, http: 3, client: 0 },
    ratePerSecond: 30,
    answerMs: 400,
  }
}

/** Requests always arrive here, so that whatever was sent twice was there the second time. */
function repeatsOf({ recorder: { events } }: Rig): string[] {
  const attempts = new Map<string, number>()
  for (const event of events) {
    if (event.type === 'pub.invoke') attempts.set(event.key, (attempts.get(event.key) ?? 0) + 1)
  }
  const acks = events.filter((event): event is PublishAcked => event.type === 'pub.ok')
  const repeated = acks.filter(({ key }) => attempts.get(key)! > 1)
  const known = repeated.filter(({ duplicate }) => duplicate)
  // On a busy machine the first attempt may arrive after the second.
  if (repeated.length > 10 && known.length >= repeated.length * 0.95) return []
  return [`Of ${repeated.length} repeated publishes ${known.length} were answered as duplicates.`]
}

/** Pairs that send the same key at once, over both APIs, and then somebody who takes it for something else. */
async function contend(rig: Rig, pairs: number): Promise<string[]> {
  const options = {
    url: rig.server.url,
    token: rig.token,
    channels: rig.channels,
    bodyBytes: 200,
    ratePerSecond: 1,
    answerMs: 2000,
    recorder: rig.recorder,
    answers: rig.answers,
    chance: rig.chance.fork('pairs'),
  }
  const one = new WebSocketPublisher({ ...options, name: 'pair-one' })
  const other = new WebSocketPublisher({ ...options, name: 'pair-other' })
  const third = new HttpPublisher({ ...options, name: 'pair-http' })
  const all = [one, other, third]
  const failures: string[] = []
  for (let i = 0; i < pairs; i++) failures.push(...(await contendOnce(rig, all, `pair-${i}`)))
  failures.push(...(await repeatOverRestart(rig, all)))
  await Promise.all(all.map((publisher) => publisher.close()))
  await rig.quiesce()
  return failures
}

async function contendOnce(rig: Rig, all: readonly Publisher[], key: string): Promise<string[]> {
  const channel = rig.chance.pick(rig.channels)
  const draft = all[0]!.draft(channel, key)
  const outcomes = await Promise.all(all.map((publisher) => publisher.publish(draft)))
  const failures = atOneOffset(key, outcomes)
  const firsts = outcomes.filter((outcome) => outcome.name === 'acked' && !outcome.duplicate)
  if (firsts.length !== 1) failures.push(`${key} was new ${firsts.length} times.`)
  for (const publisher of all) {
    const conflict = await publisher.publish(publisher.draft(channel, key))
    if (conflict.name === 'refused' && conflict.code === CONFLICT) continue
    failures.push(`${key} with another body: ${JSON.stringify(conflict)}`)
  }
  return failures
}

/** The window of keys outlives the process where the log does. */
async function repeatOverRestart(rig: Rig, all: readonly Publisher[]): Promise<string[]> {
  const draft = all[0]!.draft(rig.channels[0]!, 'over-a-restart')
  const first = await all[0]!.publish(draft)
  await rig.killAndRestart(0)
  const repeats = await Promise.all(all.map((publisher) => publisher.publish(draft)))
  const failures = atOneOffset(draft.key, [first, ...repeats])
  const fresh = repeats.filter((outcome) => outcome.name === 'acked' && !outcome.duplicate)
  if (fresh.length > 0) failures.push('A restart forgot a key.')
  const other = await all[1]!.publish(all[1]!.draft(rig.channels[0]!, draft.key))
  if (other.name !== 'refused' || other.code !== CONFLICT) {
    failures.push(`After a restart, the key with another body: ${JSON.stringify(other)}`)
  }
  return failures
}

function atOneOffset(key: string, outcomes: readonly Outcome[]): string[] {
  const places = outcomes.map((outcome) => {
    return outcome.name === 'acked' ? `${outcome.epoch}:${outcome.offset}` : outcome.name
  })
  return new Set(places).size === 1 ? [] : [`${key} has several answers: ${places.join(', ')}`]
}
