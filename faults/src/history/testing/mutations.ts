import type { Chance } from '../../chance.ts'
import type { AnomalyClass } from '../anomalies.ts'
import type { HistoryEvent, PublishAcked, Received } from '../events.ts'

/**
 * Breaks a clean history in one place. `undefined`: this history has no place for it, or the change would be no error.
 * The events that are changed are copies.
 */
export type Mutation = (
  events: readonly HistoryEvent[],
  chance: Chance,
) => HistoryEvent[] | undefined

interface Kind {
  mutate: Mutation
  /** Any of these counts as caught. */
  classes: readonly AnomalyClass[]
}

export const MUTATIONS: Readonly<Record<string, Kind>> = {
  'a delivery is dropped': { mutate: drop, classes: ['gap', 'bad-recovery', 'stalled'] },
  'a delivery is doubled': { mutate: double, classes: ['dup-or-reorder'] },
  'two deliveries are swapped': { mutate: swap, classes: ['gap'] },
  'a delivery is corrupted': { mutate: corrupt, classes: ['phantom'] },
  'a delivery says what another said': { mutate: confuse, classes: ['divergence'] },
  'an acknowledged publication is lost': { mutate: loseAcked, classes: ['lost-write'] },
  'a refused publication is delivered': { mutate: refuseDelivered, classes: ['aborted-read'] },
  'a recovery lies about its position': { mutate: lieAboutPosition, classes: ['bad-recovery'] },
  'a lost position is called recovered': { mutate: lieAboutLoss, classes: ['bad-recovery'] },
  'a lost position is passed over in silence': { mutate: hideReason, classes: ['silent-gap'] },
  'a stream begins too late': {
    mutate: beginLate,
    classes: ['silent-gap', 'dup-or-reorder', 'stalled'],
  },
  'a key has two places': { mutate: keyTwice, classes: ['idempotence'] },
  'a value has two places': { mutate: valueTwice, classes: ['duplicate'] },
  'a delivery is of another epoch': { mutate: mixEpochs, classes: ['epoch-mix'] },
  'the last deliveries do not come': { mutate: stallTail, classes: ['stalled'] },
  'a delivery comes after the end of its stream': {
    mutate: late,
    classes: ['recv-outside-session'],
  },
  'a delivery comes without the right to it': { mutate: forbid, classes: ['unauthorised'] },
  'two publications change places': { mutate: disorder, classes: ['realtime-order'] },
  'a reset comes for no reason': { mutate: resetForNothing, classes: ['false-reset'] },
}

const isRecv = (event: HistoryEvent): event is Received => event.type === 'recv'
const isAck = (event: HistoryEvent): event is PublishAcked => event.type === 'pub.ok'

function indexesOf(
  events: readonly HistoryEvent[],
  test: (event: HistoryEvent, index: number) => boolean,
): number[] {
  return events.flatMap((event, i) => (test(event, i) ? [i] : []))
}

/** A place that fits, or `undefined`. */
function choose(
  events: readonly HistoryEvent[],
  chance: Chance,
  test: (event: HistoryEvent, index: number) => boolean,
): number | undefined {
  const fitting = indexesOf(events, test)
  return fitting.length === 0 ? undefined : chance.pick(fitting)
}

/** The next thing that the reader of `events[index]` was told, or that it said. */
function nextOfStream(
  events: readonly HistoryEvent[],
  index: number,
  ignore: readonly HistoryEvent['type'][] = [],
): number | undefined {
  const { client, channel } = events[index] as Received
  for (let i = index + 1; i < events.length; i++) {
    const event = events[i]!
    if (event.client !== client || !('channel' in event) || event.channel !== channel) continue
    if (!ignore.includes(event.type)) return i
  }
  return undefined
}

/** What the stream tells next shows the hole; a `reset`, or the end of the stream, tells of it. */
function isMissed(events: readonly HistoryEvent[], index: number): boolean {
  const next = nextOfStream(events, index, ['disc', 'sub.invoke'])
  const event = next === undefined ? undefined : events[next]!
  if (event === undefined || event.type === 'recv') return true
  return event.type === 'sub.ok' && event.recovered
}

function drop(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const at = choose(events, chance, (event, i) => isRecv(event) && isMissed(events, i))
  return at === undefined ? undefined : events.toSpliced(at, 1)
}

function double(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const at = choose(events, chance, isRecv)
  return at === undefined ? undefined : events.toSpliced(at, 0, events[at]!)
}

function swap(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const followed = (event: HistoryEvent, i: number): boolean => {
    const next = isRecv(event) ? nextOfStream(events, i) : undefined
    return next !== undefined && isRecv(events[next]!)
  }
  const at = choose(events, chance, followed)
  if (at === undefined) return undefined
  const next = nextOfStream(events, at)!
  const [first, second] = [events[at] as Received, events[next] as Received]
  return events.with(at, { ...second, t: first.t }).with(next, { ...first, t: second.t })
}

function corrupt(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const at = choose(events, chance, isRecv)
  if (at === undefined) return undefined
  const event = events[at] as Received
  return events.with(at, { ...event, value: `${event.value}!` })
}

function confuse(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const at = choose(events, chance, isRecv)
  if (at === undefined) return undefined
  const event = events[at] as Received
  const others = events.filter(
    (other): other is Received =>
      isRecv(other) &&
      other.channel === event.channel &&
      other.epoch === event.epoch &&
      other.offset < event.offset,
  )
  if (others.length === 0) return undefined
  const { key, value } = chance.pick(others)
  return events.with(at, { ...event, key, value })
}

function loseAcked(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const finals = new Map(
    events.flatMap((event) => (event.type === 'hist' ? [[event.channel, event] as const] : [])),
  )
  const at = choose(events, chance, (event) => {
    const final = isAck(event) ? finals.get(event.channel) : undefined
    return (
      final !== undefined &&
      isAck(event) &&
      event.epoch === final.epoch &&
      event.offset >= final.oldest
    )
  })
  if (at === undefined) return undefined
  const { channel, value } = events[at] as PublishAcked
  return events.flatMap((event): HistoryEvent[] => {
    if (isRecv(event) && event.value === value) return []
    if (event.type !== 'hist' || event.channel !== channel) return [event]
    return [{ ...event, items: event.items.filter(([, kept]) => kept !== value) }]
  })
}

function refuseDelivered(
  events: readonly HistoryEvent[],
  chance: Chance,
): HistoryEvent[] | undefined {
  const attempts = new Map<string, number>()
  for (const event of events) {
    if (event.type === 'pub.invoke') attempts.set(event.value, (attempts.get(event.value) ?? 0) + 1)
  }
  const delivered = new Set(events.filter(isRecv).map(({ value }) => value))
  const at = choose(
    events,
    chance,
    (event) => isAck(event) && attempts.get(event.value) === 1 && delivered.has(event.value),
  )
  if (at === undefined) return undefined
  const { t, client, channel, key, value } = events[at] as PublishAcked
  return events.with(at, { type: 'pub.fail', t, client, channel, key, value, code: 4015 })
}

function lieAboutPosition(
  events: readonly HistoryEvent[],
  chance: Chance,
): HistoryEvent[] | undefined {
  const at = choose(events, chance, (event) => event.type === 'sub.ok' && event.recovered)
  const event = at === undefined ? undefined : events[at]!
  if (at === undefined || event?.type !== 'sub.ok') return undefined
  return events.with(at, { ...event, offset: event.offset + chance.pick([-1, 1, 2]) })
}

function lieAboutLoss(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const at = choose(
    events,
    chance,
    (event) => event.type === 'sub.ok' && event.reason !== undefined,
  )
  const event = at === undefined ? undefined : events[at]!
  if (at === undefined || event?.type !== 'sub.ok') return undefined
  const { reason: _, ...rest } = event
  return events.with(at, { ...rest, recovered: true })
}

function hideReason(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const at = choose(
    events,
    chance,
    (event) => event.type === 'sub.ok' && event.reason !== undefined,
  )
  const event = at === undefined ? undefined : events[at]!
  if (at === undefined || event?.type !== 'sub.ok') return undefined
  const { reason: _, ...rest } = event
  return events.with(at, rest)
}

/** The stream says it begins some publications later than it does, and leaves those out. */
function beginLate(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const at = choose(events, chance, (event, i) => {
    if (event.type !== 'sub.ok' || event.recovered) return false
    const next = nextOfStream(events, i)
    const told = next === undefined ? undefined : events[next]!
    if (told === undefined || !isRecv(told)) return false
    // Where it was sent before the stream began, a later start is a true one.
    const sent = events.findIndex(({ type, ...rest }) => {
      return type === 'pub.invoke' && 'value' in rest && rest.value === told.value
    })
    return sent > i
  })
  const event = at === undefined ? undefined : events[at]!
  if (at === undefined || event?.type !== 'sub.ok') return undefined
  const next = nextOfStream(events, at)!
  return events.with(at, { ...event, offset: event.offset + 1 }).toSpliced(next, 1)
}

function keyTwice(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const at = choose(events, chance, isAck)
  if (at === undefined) return undefined
  const ack = events[at] as PublishAcked
  const again = { ...ack, offset: ack.offset + chance.between(1, 50), duplicate: true }
  return events.toSpliced(at + 1, 0, again)
}

function valueTwice(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const at = choose(events, chance, (event) => event.type === 'hist' && event.items.length > 0)
  const event = at === undefined ? undefined : events[at]!
  if (at === undefined || event?.type !== 'hist') return undefined
  const [, value] = chance.pick(event.items)
  const newest = event.newest + 1
  return events.with(at, { ...event, newest, items: [...event.items, [newest, value]] })
}

function mixEpochs(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const at = choose(events, chance, isRecv)
  if (at === undefined) return undefined
  return events.with(at, { ...(events[at] as Received), epoch: 'e-other' })
}

function stallTail(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const isTail = (event: HistoryEvent, i: number): boolean =>
    isRecv(event) && nextOfStream(events, i) === undefined
  const at = choose(events, chance, isTail)
  if (at === undefined) return undefined
  const { client, channel } = events[at] as Received
  let cut = chance.between(1, 3)
  const kept = events.toReversed().filter((event) => {
    const mine = event.client === client && 'channel' in event && event.channel === channel
    if (!mine || cut === 0) return true
    cut = isRecv(event) ? cut - 1 : 0
    return !isRecv(event)
  })
  return kept.toReversed()
}

function late(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const ended = (event: HistoryEvent, i: number): boolean => {
    if (event.type !== 'disc' && event.type !== 'left') return false
    return events.some((other, j) => j < i && isRecv(other) && other.client === event.client)
  }
  const at = choose(events, chance, ended)
  if (at === undefined) return undefined
  const end = events[at]!
  const before = events
    .slice(0, at)
    .findLast((event) => isRecv(event) && event.client === end.client)
  return events.toSpliced(at + 1, 0, { ...(before as Received), t: end.t })
}

function forbid(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const at = choose(events, chance, isRecv)
  if (at === undefined) return undefined
  const { t, client, channel } = events[at] as Received
  const denied: HistoryEvent = { type: 'acl', t: t - 2_500_000, client, channel, allowed: false }
  return [denied, ...events]
}

/** Everybody agrees on an order in which what was sent later stands first: only the clock gives it away. */
function disorder(events: readonly HistoryEvent[], chance: Chance): HistoryEvent[] | undefined {
  const sent = new Map<string, number>()
  for (const event of events) {
    if (event.type === 'pub.invoke' && !sent.has(event.value)) sent.set(event.value, event.t)
  }
  const acks = events.filter(isAck)
  const pairs = acks.flatMap((a) =>
    acks.flatMap((b) => {
      const sameLog = a.channel === b.channel && a.epoch === b.epoch
      return sameLog && a.t < sent.get(b.value)! ? [[a, b] as const] : []
    }),
  )
  if (pairs.length === 0) return undefined
  const [a, b] = chance.pick(pairs)
  const places = new Map([
    [a.value, { offset: b.offset, other: b.value }],
    [b.value, { offset: a.offset, other: a.value }],
  ])
  const swapped = events.map((event): HistoryEvent => {
    if (event.type === 'pub.ok') {
      const place = places.get(event.value)
      return place === undefined ? event : { ...event, offset: place.offset }
    }
    if (event.type === 'recv') {
      const place = places.get(event.value)
      return place === undefined ? event : { ...event, value: place.other, key: `k-${place.other}` }
    }
    if (event.type !== 'hist') return event
    const items = event.items.map(([offset, value]): [number, string] => {
      return [offset, places.get(value)?.other ?? value]
    })
    return { ...event, items }
  })
  return swapped
}

function resetForNothing(
  events: readonly HistoryEvent[],
  chance: Chance,
): HistoryEvent[] | undefined {
  const at = choose(events, chance, isRecv)
  if (at === undefined) return undefined
  const { t, client, channel, epoch, offset } = events[at] as Received
  const reset: HistoryEvent = {
    type: 'reset',
    t,
    client,
    channel,
    epoch,
    offset,
    reason: 'expired',
  }
  return events.toSpliced(at + 1, 0, reset)
}
