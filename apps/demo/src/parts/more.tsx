import { useEffect, useRef } from 'react'

/** Loads what is older when it comes into view. */
export function More({ isLoading, onMore }: { isLoading: boolean; onMore: () => Promise<void> }) {
  const end = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    const { current } = end
    if (!current || isLoading) return undefined
    const sight = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting) void onMore()
    })
    sight.observe(current)
    return () => sight.disconnect()
  }, [isLoading, onMore])
  return (
    <button ref={end} type="button" className="link-button more" onClick={() => void onMore()}>
      {isLoading ? 'Loading older ones' : 'Show older ones'}
    </button>
  )
}
