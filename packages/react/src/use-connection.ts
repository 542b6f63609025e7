import type { ConnectionState } from '@tidewire/client'
import { useCallback, useSyncExternalStore } from 'react'
import { useTidewire } from './provider.tsx'

export interface UseConnectionResult {
  state: ConnectionState
  /** Publications that the server has not acknowledged yet. */
  waiting: number
  /** Connects; while reconnecting or failed: tries again right now. */
  connect: () => void
}

const ON_SERVER: ConnectionState = { name: 'disconnected', reason: 'initial' }

/** The truth about the connection, at every moment. */
export function useConnection(): UseConnectionResult {
  const client = useTidewire()
  const state = useSyncExternalStore(
    useCallback((onChange) => client.on('state', onChange), [client]),
    () => client.state,
    () => ON_SERVER,
  )
  const waiting = useSyncExternalStore(
    useCallback((onChange) => client.on('waiting', onChange), [client]),
    () => client.waiting,
    () => 0,
  )
  const connect = useCallback(() => client.connect(), [client])
  return { state, waiting, connect }
}
