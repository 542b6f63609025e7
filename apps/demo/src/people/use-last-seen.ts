import { type JsonObject, useConnection, useTidewire } from '@tidewire/react'
import { useEffect, useState } from 'react'

export interface LastSeen {
  readonly isOnline: boolean
  /** Milliseconds since 1970; undefined for who never was there. */
  readonly at: number | undefined
}

const NOBODY: Readonly<Record<string, LastSeen>> = {}
const MOST = 500

/** Who of these users is online, and when the others were. Nothing is known over a transport without commands. */
export function useLastSeen(users: readonly string[]): Readonly<Record<string, LastSeen>> {
  const client = useTidewire()
  const { state } = useConnection()
  const [seen, setSeen] = useState(NOBODY)
  const session = state.name === 'connected' && state.transport === 'websocket' ? state : undefined

  useEffect(
    () =>
      client.on('frame', ({ type, payload }) => {
        if (type !== 'status_update' || typeof payload['user'] !== 'string') return
        const { user } = payload
        setSeen((before) => ({ ...before, [user]: lastSeenOf(payload) }))
      }),
    [client],
  )
  useEffect(() => {
    if (!session || users.length === 0) return undefined
    const watching = new AbortController()
    const { signal } = watching
    client.request('status_watch', { users: users.slice(-MOST) }, { signal }).then(
      ({ users: statuses }) => {
        if (!signal.aborted) setSeen(allOf(statuses))
      },
      // Without it people are as the lobby tells.
      () => undefined,
    )
    return () => watching.abort()
  }, [client, session, users])
  return seen
}

function allOf(statuses: unknown): Readonly<Record<string, LastSeen>> {
  if (typeof statuses !== 'object' || statuses === null) return NOBODY
  return Object.fromEntries(
    Object.entries(statuses).map(([user, status]: [string, JsonObject]) => [
      user,
      lastSeenOf(status),
    ]),
  )
}

function lastSeenOf({ status, last_seen: at }: JsonObject): LastSeen {
  return {
    isOnline: status === 'online',
    at: typeof at === 'string' ? Date.parse(at) : undefined,
  }
}
