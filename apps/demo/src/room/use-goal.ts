import type { ChatMessage, UseRoomResult } from '@tidewire/react'
import { useCallback, useEffect, useState } from 'react'
import { useAddressed } from '../lib/hooks.ts'
import { forgetGoal, type Goal } from '../lib/places.ts'

export interface UseGoalResult {
  /** The message to show, once it is loaded. */
  goal: string | undefined
  /** It lies further back, and what is between is being fetched. */
  isOnTheWay: boolean
  /** Why it cannot be shown. */
  problem: string | undefined
  goTo: (goal: Goal) => void
  /** It is on the screen, or nobody waits for it any more. */
  forget: () => void
}

const LOST = 'That message is not in the history any more.'

/** Goes to a message of a room, such as the one in the address, through as much of its history as it takes. */
export function useGoal(here: UseRoomResult): UseGoalResult {
  const { messages, hasMore, loading, loadingMore, error, loadMore } = here
  const [wanted, setWanted] = useState<Goal>()
  const found = wanted && foundIn(messages, wanted)
  const isMissing = wanted !== undefined && found === undefined
  const mayCome = hasMore && error === undefined
  const isLost = isMissing && !loading && !loadingMore && !mayCome

  useEffect(() => {
    if (isMissing && !loading && !loadingMore && mayCome) void loadMore()
  }, [isMissing, loading, loadingMore, mayCome, loadMore])

  const addressed = useAddressed()
  if (addressed && addressed !== wanted) setWanted(addressed)
  useEffect(() => {
    if (addressed) forgetGoal()
  }, [addressed])

  return {
    goal: found?.id,
    isOnTheWay: isMissing && !isLost,
    problem: isLost ? (error?.message ?? LOST) : undefined,
    goTo: setWanted,
    forget: useCallback(() => setWanted(undefined), []),
  }
}

/** What stands at an offset, or is the next after it: between messages there are edits and reactions. */
function foundIn(messages: readonly ChatMessage[], wanted: Goal): ChatMessage | undefined {
  if ('id' in wanted) return messages.find(({ id }) => id === wanted.id)
  const { offset } = wanted
  if ((messages[0]?.offset ?? Infinity) > offset) return undefined
  return messages.find((message) => (message.offset ?? -1) >= offset)
}
