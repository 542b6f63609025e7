import type { Channel, SubscribeOptions, SubscriptionState, TidewireError } from '@tidewire/client'
import { useCallback, useEffect, useSyncExternalStore } from 'react'
import { useStores } from './provider.tsx'
import type { ChannelListeners } from './shared-channel.ts'
import { useLatest } from './use-latest.ts'

/** Where to start is decided by the first component that uses the channel. */
export type UseChannelOptions = ChannelListeners & Omit<SubscribeOptions, 'signal' | 'timeout'>

export interface UseChannelResult {
  state: SubscriptionState
  /** Why the server refused the subscription. */
  error: TidewireError | undefined
  /** Resolves when the server has it; see `Channel.publish`. Rejects while the name is null. */
  publish: Channel['publish']
}

const UNSUBSCRIBED: SubscriptionState = { name: 'unsubscribed' }

/** Subscribes to a channel while a component is mounted. Without a name it does nothing. */
export function useChannel(name: string | null, options: UseChannelOptions = {}): UseChannelResult {
  const stores = useStores()
  const shared = name === null ? undefined : stores.channel(name)
  const latest = useLatest(options)
  // Before the subscription, so that its first delivery is heard.
  useEffect(
    () =>
      shared?.listen({
        onMessage: (publication) => latest().onMessage?.(publication),
        onReset: (reset) => latest().onReset?.(reset),
      }),
    [shared, latest],
  )
  const use = useCallback(
    (onChange: () => void) => {
      const { onMessage: _, onReset: __, ...where } = latest()
      return shared?.use(onChange, where) ?? (() => undefined)
    },
    [shared, latest],
  )
  const state = useSyncExternalStore(
    use,
    () => shared?.channel.state ?? UNSUBSCRIBED,
    () => UNSUBSCRIBED,
  )
  const publish = useCallback<UseChannelResult['publish']>(
    async (type, payload, publishOptions) => {
      if (!shared) throw new Error('There is no channel to publish to: the name is null.')
      return shared.channel.publish(type, payload, publishOptions)
    },
    [shared],
  )
  return { state, error: state.name === 'unsubscribed' ? state.error : undefined, publish }
}
