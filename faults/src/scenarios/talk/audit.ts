import type { ChatMessage, Room } from '@tidewire/client/chat'
import type { Publication } from '@tidewire/protocol'
import type { Rig } from '../../rig/rig.ts'
import { folded, lineOf, type Message, textOf, unreadIn } from './fold.ts'
import { ask, inboxOf, logOf } from './http.ts'
import type { Marked, Person } from './person.ts'
import type { Town } from './town.ts'

interface RoomAnswer {
  members: { user: string; last_read: number }[]
  unread: number
  mentions: number
  last_read: number
}

type Talks = Record<string, { unread: number; mentions: number; last_read: number }>

/** Whether what every device knows is what the server tells who asks anew. One sentence for each thing that is not. */
export async function differences(rig: Rig, town: Town): Promise<string[]> {
  const logs = new Map<string, Message[]>()
  for (const person of town.people) {
    for (const channel of person.rooms.keys()) {
      if (!logs.has(channel)) logs.set(channel, folded(await readLog(rig, town, person, channel)))
    }
  }
  const found = await Promise.all(
    town.people.map(async (person) => [
      ...(await talkDifferences(rig, town, person, logs)),
      ...(await inboxDifferences(rig, town, person)),
      ...(await feedDifferences(rig, town, person)),
    ]),
  )
  return found.flat()
}

/** Every inbox has each notification that was sent to it once, and no other of that kind. */
export async function inboxesAreWhole(rig: Rig, town: Town): Promise<string[]> {
  const wrong: string[] = []
  for (const [user, token] of town.tokens) {
    if (user.startsWith('follower-')) continue
    const { entries, unread } = await inboxOf(rig.server.url, token)
    const got = entries.map(({ id }) => id).filter((id) => id.startsWith('note-'))
    const sent = town.notes.filter(({ users }) => users.includes(user)).map(({ id }) => id)
    if (new Set(entries.map(({ id }) => id)).size !== entries.length) {
      wrong.push(`${user} has a notification twice.`)
    }
    const missing = sent.filter((id) => !got.includes(id))
    const foreign = got.filter((id) => !sent.includes(id))
    if (missing.length > 0) wrong.push(`${user} never got ${missing.join(', ')}.`)
    if (foreign.length > 0) wrong.push(`${user} got ${foreign.join(', ')}.`)
    const counted = entries.filter(({ read }) => !read).length
    if (counted !== unread) wrong.push(`${user} has ${counted} unread ones, not ${unread}.`)
  }
  return wrong
}

/** Who is mentioned in a room, or written to directly, finds it in the inbox. */
export async function mentionsAreTold(rig: Rig, town: Town): Promise<string[]> {
  const wrong: string[] = []
  const channels = new Set(town.people.flatMap(({ rooms }) => [...rooms.keys()]))
  for (const person of town.people) {
    const { user } = person
    const { entries } = await inboxOf(rig.server.url, town.tokens.get(user)!)
    const told = new Set(entries.map(({ data }) => `${data?.channel} ${data?.message_id}`))
    for (const channel of channels) {
      if (!person.rooms.has(channel)) continue
      for (const publication of await readLog(rig, town, person, channel)) {
        const { message_id, user: author } = publication.metadata
        // What an edit or a deletion did to it came later.
        if (publication.type !== 'message' || 'edited_at' in publication.payload) continue
        const mentions = publication.payload['mentions'] as string[] | undefined
        const isTold = channel.startsWith('dm:') || mentions?.includes(user) === true
        if (author === user || !isTold || publication.payload['deleted'] === true) continue
        if (!told.has(`${channel} ${message_id}`)) {
          wrong.push(`${user} was not told of ${message_id} in ${channel}.`)
        }
      }
    }
  }
  return wrong
}

/** The same activities, in the same order, once, in the channel of whoever follows. */
export async function feedsAreWhole(rig: Rig, town: Town, most: number): Promise<string[]> {
  const objectOf = ({ payload }: Publication): string => textOf(payload['object'])
  const { url } = rig.server
  const own = await logOf(url, town.tokens.get(town.star)!, `feed:${town.star}`)
  const said = own.map(objectOf).join(' ')
  const wrong: string[] = own.length === 0 ? ['The star said nothing.'] : []
  const followers = [...town.tokens].filter(([user]) => user.startsWith('follower-'))
  for (const [user, token] of rig.chance.sample(followers, most)) {
    const got = (await logOf(url, token, `feed:${user}`)).map(objectOf).join(' ')
    if (got !== said) wrong.push(`The feed of ${user} is not what was said.`)
  }
  return wrong
}

/**
 * Each browser got each notification, and once, but for those that were under way when the server died; and those that the
 * push service refused as often as the server tries.
 */
export function pushesAreWhole(rig: Rig, { notes, push, tokens }: Town): string[] {
  const [counts, refusals] = [counted(push.pushed), counted(push.refused)]
  const wrong = push.faults.map((fault) => `A push was not valid: ${String(fault)}`)
  for (const user of tokens.keys()) {
    if (!user.startsWith('away-')) continue
    for (const { id, users } of notes) {
      const key = `${user} ${id}`
      if (!users.includes(user) || counts.has(key)) continue
      const refused = refusals.get(key) ?? 0
      if (refused < ATTEMPTS) wrong.push(`Never pushed, refused ${refused} times: ${key}.`)
    }
  }
  const repeats = [...counts.values()].reduce((sum, count) => sum + count - 1, 0)
  if (repeats > rig.kills * MAX_UNDER_WAY) wrong.push(`${repeats} pushes were made again.`)
  rig.measure('pushes made again', repeats)
  return wrong
}

/** Of one push; then the server gives up. */
const ATTEMPTS = 5
/** Pushes that the server makes at the same time: so many it cannot know of when it is killed. */
const MAX_UNDER_WAY = 20

/** `user id` → how often. */
function counted(pushes: Town['push']['pushed']): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { path, message } of pushes) {
    const key = `${path.slice(path.lastIndexOf('/') + 1)} ${textOf(message['id'])}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

/** How far somebody has read only ever grows, also over the end of a server. */
export function marksOnlyGrow(marked: readonly Marked[]): string[] {
  const wrong: string[] = []
  for (const later of marked) {
    const before = marked.find(({ user, channel, answeredAt, offset }) => {
      const isSame = user === later.user && channel === later.channel
      return isSame && answeredAt < later.sentAt && offset > later.offset
    })
    if (before === undefined) continue
    const { user, channel, offset } = later
    wrong.push(`${user} had read ${channel} to ${before.offset}, and then to ${offset}.`)
  }
  return wrong
}

async function talkDifferences(
  rig: Rig,
  town: Town,
  person: Person,
  logs: ReadonlyMap<string, Message[]>,
): Promise<string[]> {
  const wrong: string[] = []
  const { user } = person
  const answer = await person.client.request('unread_get', { channels: [...person.rooms.keys()] })
  for (const [channel, { unread, mentions, last_read }] of Object.entries(
    answer['channels'] as Talks,
  )) {
    const messages = logs.get(channel)!
    const counted = unreadIn(messages, user, last_read)
    const told = (what: string): void => void wrong.push(`${person.name} in ${channel}: ${what}`)
    if (counted.unread !== unread || counted.mentions !== mentions) {
      told(`${unread} unread and ${mentions} mentions, counted ${JSON.stringify(counted)}.`)
    }
    const known = person.unread.snapshot.channels[channel]
    if (known?.unread !== unread || known.mentions !== mentions || known.lastRead !== last_read) {
      told(`knows ${JSON.stringify(known)}, not ${unread}, ${mentions}, read to ${last_read}.`)
    }
    const { snapshot } = person.rooms.get(channel)!
    if (snapshot.lastRead !== last_read) told(`read to ${snapshot.lastRead}, not ${last_read}.`)
    if (snapshot.unread !== unread) told(`the room says ${snapshot.unread} unread, not ${unread}.`)
    if (!rig.channels.includes(channel)) {
      const lines = messages.map(lineOf)
      const own = snapshot.messages.map(lineOfKnown)
      const at = lines.findIndex((line, i) => line !== own[i])
      if (at >= 0 || lines.length !== own.length) told(`shows ${own[at]}, not ${lines[at]}.`)
    }
  }
  for (const [channel, { snapshot }] of person.rooms) {
    if (channel.startsWith('dm:')) continue
    wrong.push(...(await peopleDifferences(rig, town, person, channel, snapshot)))
  }
  return wrong
}

async function peopleDifferences(
  rig: Rig,
  town: Town,
  person: Person,
  channel: string,
  { members, receipts }: Room['snapshot'],
): Promise<string[]> {
  const path = `/v1/rooms/${encodeURIComponent(channel.slice('chat:'.length))}`
  const token = town.tokens.get(person.user)!
  const answer = await ask<RoomAnswer>(rig.server.url, token, 'GET', path)
  const wrong: string[] = []
  const told = answer.members.map(({ user }) => user).sort()
  if (told.join() !== members.join()) wrong.push(`${person.name} knows other members.`)
  for (const { user, last_read } of answer.members) {
    const known = receipts[user] ?? 0
    if (known !== last_read) {
      wrong.push(`${person.name} believes that ${user} read ${channel} to ${known}: ${last_read}.`)
    }
  }
  return wrong
}

async function inboxDifferences(rig: Rig, town: Town, person: Person): Promise<string[]> {
  const { entries, unread } = await inboxOf(rig.server.url, town.tokens.get(person.user)!)
  const { items, unread: known } = person.inbox.state
  const wrong: string[] = []
  if (known !== unread) wrong.push(`${person.name} counts ${known} notifications, not ${unread}.`)
  const lineOfEntry = ({ id, read }: { id: string; read: boolean }): string => `${id} ${read}`
  const at = items.findIndex((item, i) => lineOfEntry(item) !== lineOfEntry(entries[i] ?? NONE))
  if (at >= 0 || items.length < Math.min(entries.length, 1)) {
    const [own, other] = [items[at] ?? NONE, entries[at] ?? NONE]
    wrong.push(`${person.name} shows ${lineOfEntry(own)}, not ${lineOfEntry(other)}.`)
  }
  const doubled = [...person.arrivals].filter(([, count]) => count > 1).map(([id]) => id)
  if (doubled.length > 0) wrong.push(`${person.name} heard twice of ${doubled.join(', ')}.`)
  return wrong
}

const NONE = { id: 'nothing', read: false }

async function feedDifferences(rig: Rig, town: Town, person: Person): Promise<string[]> {
  const path = `/v1/feeds/${person.user}?limit=100`
  const token = town.tokens.get(person.user)!
  const { entries } = await ask<{ entries: { id: string; actors: string[] }[] }>(
    rig.server.url,
    token,
    'GET',
    path,
  )
  const linesOf = (all: readonly { id: string; actors: readonly string[] }[]): string =>
    all.map(({ id, actors }) => `${id} ${actors.join('+')}`).join('\n')
  const known = linesOf(person.feed.state.entries.slice(0, entries.length))
  return known === linesOf(entries) ? [] : [`${person.name} shows another feed.`]
}

function readLog(rig: Rig, town: Town, { user }: Person, channel: string): Promise<Publication[]> {
  return logOf(rig.server.url, town.tokens.get(user)!, channel)
}

function lineOfKnown({ reactions, offset = -1, ...message }: ChatMessage): string {
  const users = new Map(reactions.map((one) => [one.emoji, new Set(one.users)]))
  return lineOf({ ...message, offset, reactions: users })
}
