import { type SubscriptionState, useTidewire } from '@tidewire/react'
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'

const NONE: SubscriptionState = { name: 'unsubscribed' }

/** How the subscription of a channel stands, which is somebody else's. */
export function useChannelState(channel: string | null): SubscriptionState {
  const client = useTidewire()
  return useSyncExternalStore(
    useCallback(
      (onChange) =>
        channel === null ? () => undefined : client.channel(channel).onState(onChange),
      [client, channel],
    ),
    () => (channel === null ? NONE : client.channel(channel).state),
  )
}

/** Whether the log of the channel began a new life while this was shown. */
export function useIsRestarted(channel: string): boolean {
  const client = useTidewire()
  const [isRestarted, setIsRestarted] = useState(false)
  useEffect(
    () =>
      client.channel(channel).onReset(({ reason }) => {
        if (reason === 'epoch_changed') setIsRestarted(true)
      }),
    [client, channel],
  )
  return isRestarted
}
