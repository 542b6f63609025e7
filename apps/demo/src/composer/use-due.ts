import { useEffect, useEffectEvent, useState } from 'react'
import type { Files } from './files.ts'

interface UseDueResult {
  /** It is sent as soon as its files are there. */
  isDue: boolean
  /** The writer is done while files are on their way. */
  setDue: () => void
  /** The writer goes on. */
  cancel: () => void
}

/** Who presses Enter before the files are there need not press it again. */
export function useDue(
  { isBusy, areComing }: Files,
  isHindered: boolean,
  onSend: () => void,
): UseDueResult {
  const [wasPressed, setWasPressed] = useState(false)
  const [sent, setSent] = useState(0)
  // A file that failed is for the writer to look at; who does something else meanwhile presses it again.
  if (wasPressed && (isHindered || !areComing)) {
    setWasPressed(false)
    if (!isHindered && !isBusy) setSent(sent + 1)
  }
  const onDue = useEffectEvent(onSend)
  useEffect(() => {
    if (sent > 0) onDue()
  }, [sent])
  return {
    isDue: wasPressed,
    setDue: () => setWasPressed(true),
    cancel: () => setWasPressed(false),
  }
}
