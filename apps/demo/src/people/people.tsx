import { type JsonObject, useConnection, usePresence, usePresenceList } from '@tidewire/react'
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
} from 'react'
import { isUsers, met } from '../lib/known-people.ts'
import { recall, remember } from '../lib/storage.ts'
import { type Availability, type OwnStatus, isOwnStatus, statusOf } from './status.ts'
import { useLastSeen } from './use-last-seen.ts'

/** Everybody who has the page open is present here, with what they say of themselves. */
const LOBBY = 'live:lobby'

export interface Person {
  readonly user: string
  readonly availability: Availability
  readonly note: string
  /** Milliseconds since 1970; undefined when nobody knows. */
  readonly lastSeen: number | undefined
}

interface PeopleValue {
  /** Ascending by name; without the viewer. */
  people: readonly Person[]
  of: (user: string) => Person
  own: OwnStatus
  setOwn: (status: OwnStatus) => void
  /** The page came across these users. */
  onMet: (users: readonly string[]) => void
  /** Nothing can be said of who is there, such as over a transport without commands. */
  isUnknown: boolean
}

const People = createContext<PeopleValue | undefined>(undefined)

export function usePeople(): PeopleValue {
  const people = useContext(People)
  if (!people) throw new Error('usePeople() needs a PeopleProvider around it.')
  return people
}

/** Knows who is there, who was, and what they say of themselves. */
export function PeopleProvider({ user, children }: { user: string; children: ReactNode }) {
  const [own, setOwn] = useState<OwnStatus>(
    () => recall(`status.${user}`, isOwnStatus) ?? { availability: 'available', note: '' },
  )
  const [known, setKnown] = useState<readonly string[]>(
    () => recall(`people.${user}`, isUsers) ?? [],
  )
  useEffect(() => remember(`status.${user}`, own), [user, own])
  useEffect(() => remember(`people.${user}`, known), [user, known])

  const { state } = useConnection()
  const hasCommands = state.name !== 'connected' || state.transport === 'websocket'
  const lobby = hasCommands ? LOBBY : null
  usePresence(lobby, own as unknown as JsonObject)
  const { members, error } = usePresenceList(lobby)
  const everMet = met(
    known,
    members.map((member) => member.user),
  )
  if (everMet !== known) setKnown(everMet)
  const onMet = useCallback((users: readonly string[]) => {
    setKnown((before) => met(before, users))
  }, [])
  const present = useMemo(
    () => new Map(members.map((member) => [member.user, statusOf(member.data)])),
    [members],
  )
  const lastSeen = useLastSeen(known)

  const value = useMemo<PeopleValue>(() => {
    const of = (other: string): Person => {
      const seen = lastSeen[other]
      const status = other === user ? own : present.get(other)
      return {
        user: other,
        availability: status?.availability ?? (seen?.isOnline ? 'available' : 'offline'),
        note: status?.note ?? '',
        lastSeen: seen?.at,
      }
    }
    const people = [...known]
      .filter((other) => other !== user)
      .toSorted((a, b) => a.localeCompare(b))
      .map(of)
    return { people, of, own, setOwn, onMet, isUnknown: !hasCommands || error !== undefined }
  }, [user, known, present, lastSeen, own, onMet, hasCommands, error])

  return <People value={value}>{children}</People>
}
