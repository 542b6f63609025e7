import { useTidewire } from '@tidewire/react'
import { useEffect, useState } from 'react'

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
