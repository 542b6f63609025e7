import { useRoom } from '@tidewire/react'
import { useState } from 'react'
import { useNow } from '../lib/hooks.ts'
import { go } from '../lib/places.ts'
import { directOf, isDirect, nameOf } from '../lib/rooms.ts'
import { ago } from '../lib/words.ts'
import { TalkIcon } from '../parts/icons.tsx'
import { SideHead } from '../parts/side.tsx'
import { CarrierCard } from './carrier.tsx'
import { OwnStatusForm } from './own-status-form.tsx'
import { type Person, usePeople } from './people.tsx'
import { PersonAvatar } from './person-avatar.tsx'
import { LABELS } from './status.ts'

interface PeoplePanelProps {
  viewer: string
  /** The room that is open, by its channel; null elsewhere. */
  room: string | null
  onClose: () => void
}

const MANY = 12

/** Who is here, who else there is, and what they say of themselves. */
export function PeoplePanel({ viewer, room, onClose }: PeoplePanelProps) {
  const { people, isUnknown } = usePeople()
  const { status, members, memberCount } = useRoom(room && nameOf(room))
  const [filter, setFilter] = useState('')
  const isHere = new Set(members)
  const found = people.filter(({ user }) => user.toLowerCase().includes(filter.toLowerCase()))
  const here = found.filter(({ user }) => isHere.has(user))
  // Its place is there before they are known: nothing below moves.
  const isJoining = status === 'joining' && room !== null && !isDirect(room)
  const others = found.filter(({ user }) => !isHere.has(user))
  return (
    <section className="people" aria-label="People" data-testid="people">
      <SideHead title="People" closes="people" onClose={onClose} />
      {!isUnknown && <OwnStatusForm viewer={viewer} />}
      {people.length > MANY && (
        <input
          className="field people-filter"
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
          placeholder="Find somebody"
          aria-label="Find somebody"
          type="search"
        />
      )}
      <div className="people-list">
        {isUnknown && <CarrierCard />}
        {(memberCount > 0 || isJoining) && (
          <Group
            title="In this room"
            count={memberCount}
            people={here.toSorted(byPresence)}
            viewer={viewer}
            empty={emptyOf(filter, memberCount > 0)}
          />
        )}
        <Group
          title={
            isUnknown ? 'People you met' : memberCount > 0 || isJoining ? 'Others' : 'Everybody'
          }
          count={others.length}
          people={others.toSorted(byPresence)}
          viewer={viewer}
        />
      </div>
    </section>
  )
}

function emptyOf(filter: string, isKnown: boolean): string {
  if (!isKnown) return '…'
  return filter === '' ? 'Nobody but you.' : 'Nobody of that name.'
}

/** Who is there first; they are in the order of their names already. */
function byPresence(one: Person, other: Person): number {
  return Number(one.availability === 'offline') - Number(other.availability === 'offline')
}

interface GroupProps {
  title: string
  count: number
  people: readonly Person[]
  viewer: string
  empty?: string
}

function Group({ title, count, people, viewer, empty }: GroupProps) {
  if (people.length === 0 && empty === undefined) return null
  return (
    <>
      <h3 className="people-title">
        {title} {count > 0 && <span>{count}</span>}
      </h3>
      {people.length === 0 && <p className="hint">{empty}</p>}
      <ul>
        {people.map((person) => (
          <PersonRow key={person.user} person={person} viewer={viewer} />
        ))}
      </ul>
    </>
  )
}

function PersonRow({ person, viewer }: { person: Person; viewer: string }) {
  const { user } = person
  const { isUnknown } = usePeople()
  return (
    <li className="person" data-testid="person" data-user={user}>
      <PersonAvatar user={user} />
      <span className="person-words">
        <bdi className="person-name ellipsis">{user}</bdi>
        {!isUnknown && <StatusWords person={person} />}
      </span>
      <button
        type="button"
        className="icon-button person-talk"
        aria-label={`Talk to ${user}`}
        title={`Talk to ${user}`}
        onClick={() => go(directOf(viewer, user))}
      >
        <TalkIcon />
      </button>
    </li>
  )
}

/** A note, or how long somebody is away. */
function StatusWords({ person: { availability, note, lastSeen } }: { person: Person }) {
  const isAway = availability === 'offline' && lastSeen !== undefined
  const now = useNow(60_000, isAway)
  const words = isAway ? `Last seen ${ago(lastSeen, now)}` : LABELS[availability]
  return (
    <span className="person-note ellipsis" data-testid="note" dir="auto">
      {note || words}
    </span>
  )
}
