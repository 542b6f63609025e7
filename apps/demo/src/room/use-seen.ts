import { type RefObject, useEffect, useRef } from 'react'

const STEPS = [0, 0.25, 0.5, 0.75, 1]
const HALF = 0.5

interface UseSeenOptions {
  scroller: RefObject<HTMLElement | null>
  /** Its children are the rows; those of messages that have a place in the log carry it as `data-offset`. */
  content: RefObject<HTMLElement | null>
  onSeen: (offset: number) => void
}

/**
 * Tells how far a reader has come: the highest offset of a message of which half was on the screen, or that filled half of
 * the screen, while the page was visible.
 */
export function useSeen({ scroller, content, onSeen }: UseSeenOptions): void {
  const tell = useRef<() => void>(undefined)
  useEffect(() => {
    const root = scroller.current
    const list = content.current
    if (!root || !list) return undefined
    const onScreen = new Set<Element>()
    const tellAll = (): void => {
      if (document.visibilityState !== 'visible') return
      const offset = Math.max(0, ...[...onScreen].map(offsetOf))
      if (offset > 0) onSeen(offset)
    }
    tell.current = tellAll
    const sight = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (isSeen(entry)) onScreen.add(entry.target)
          else onScreen.delete(entry.target)
        }
        tellAll()
      },
      { root, threshold: STEPS },
    )
    for (const row of list.children) sight.observe(row)
    const rows = new MutationObserver((changes) => {
      for (const { addedNodes, removedNodes } of changes) {
        for (const row of addedNodes) if (row instanceof Element) sight.observe(row)
        for (const row of removedNodes) {
          if (!(row instanceof Element)) continue
          sight.unobserve(row)
          onScreen.delete(row)
        }
      }
    })
    rows.observe(list, { childList: true })
    document.addEventListener('visibilitychange', tellAll)
    return () => {
      tell.current = undefined
      sight.disconnect()
      rows.disconnect()
      document.removeEventListener('visibilitychange', tellAll)
    }
  }, [scroller, content, onSeen])
  // What is on the screen may have got its place.
  useEffect(() => tell.current?.())
}

function isSeen({
  isIntersecting,
  intersectionRatio,
  intersectionRect,
  rootBounds,
}: IntersectionObserverEntry): boolean {
  const view = rootBounds?.height ?? Infinity
  return isIntersecting && (intersectionRatio >= HALF || intersectionRect.height >= view * HALF)
}

const offsetOf = (row: Element): number => Number(row.getAttribute('data-offset') ?? 0)
