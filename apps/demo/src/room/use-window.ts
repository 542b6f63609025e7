import { type RefObject, useCallback, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { rowAt, topsOf, windowOf } from '../lib/windowing.ts'

// Up to so many rows all are rendered, and the browser's own search finds everything.
const RENDER_ALL = 300
const MARGIN_PX = 1200
// The window moves in steps, not with every pixel.
const STEP_PX = 400
const AT_BOTTOM_PX = 40
const NEAR_TOP_PX = 900
// Of the view, above a row that somebody goes to.
const ABOVE = 0.3

interface Row {
  readonly key: string
  /** Whether the row is still there, and begins with the same thing, when others are added above it. */
  readonly isFirm: boolean
  /** Pixels, until it is measured. */
  readonly estimate: number
}

interface WindowResult {
  scroller: RefObject<HTMLDivElement | null>
  /** Its children are the rows `[from, to)`, one element each. */
  content: RefObject<HTMLDivElement | null>
  from: number
  to: number
  /** Pixels that the rows outside of the window take. */
  before: number
  after: number
  isAtBottom: boolean
  isNearTop: boolean
  onScroll: () => void
  scrollToBottom: () => void
  /** Brings the row into the view, below its top. Does nothing when there is no such row. */
  scrollToRow: (key: string) => void
}

/**
 * Renders of a long list what can be seen. Heights are estimated until they are measured. The list sticks to its
 * bottom while the reader is there; elsewhere the row at the top of the view stays where it is, whatever is added,
 * removed or measured around it.
 */
export function useWindow(rows: readonly Row[]): WindowResult {
  const scroller = useRef<HTMLDivElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const anchor = useRef<{ key: string; y: number }>(undefined)
  const lastTop = useRef(0)
  // The map is replaced when something of it changes.
  const [heights, setHeights] = useState<ReadonlyMap<string, number>>(() => new Map())
  const [viewHeight, setViewHeight] = useState(1000)
  const [near, setNear] = useState<string>()
  const [isAtBottom, setIsAtBottom] = useState(true)
  const [isNearTop, setIsNearTop] = useState(false)

  const tops = useMemo(
    () => topsOf(rows.length, (index) => heightOf(rows[index], heights)),
    [rows, heights],
  )
  const total = tops[rows.length] ?? 0
  const { from, to } = useMemo(() => {
    if (rows.length <= RENDER_ALL) return { from: 0, to: rows.length }
    const index = isAtBottom ? -1 : rows.findIndex(({ key }) => key === near)
    const top = index === -1 ? total - viewHeight : (tops[index] ?? 0)
    return windowOf(tops, top, viewHeight, MARGIN_PX)
  }, [rows, tops, total, viewHeight, near, isAtBottom])

  const settle = useCallback(() => {
    const view = scroller.current
    const list = content.current
    if (!view || !list) return
    const measured = measure(list, rows, from, heights)
    if (measured) {
      setHeights(measured)
      return
    }
    // What the reader scrolled since the last event counts: it is on its way, too.
    const moved = view.scrollTop - lastTop.current
    const { key, y } = anchor.current ?? {}
    const index = rows.findIndex((row) => row.key === key)
    let top = view.scrollTop
    if (isAtBottom && moved > -1) top = view.scrollHeight - view.clientHeight
    if (!isAtBottom && index !== -1) top = (tops[index] ?? 0) + (y ?? 0) + moved
    if (Math.abs(view.scrollTop - top) >= 1) view.scrollTop = top
    lastTop.current = view.scrollTop - moved
    setIsNearTop(view.scrollTop < NEAR_TOP_PX)
  }, [rows, tops, from, heights, isAtBottom])

  useLayoutEffect(settle)

  useLayoutEffect(() => {
    const view = scroller.current
    const list = content.current
    if (!view || !list) return undefined
    const observer = new ResizeObserver(() => {
      setViewHeight(view.clientHeight)
      settle()
    })
    observer.observe(view)
    observer.observe(list)
    return () => observer.disconnect()
  }, [settle])

  const onScroll = useCallback(() => {
    const view = scroller.current
    if (!view) return
    const { scrollTop, scrollHeight, clientHeight } = view
    let index = rowAt(tops, scrollTop)
    while (index < rows.length - 1 && rows[index]?.isFirm === false) index += 1
    const key = rows[index]?.key ?? ''
    anchor.current = { key, y: scrollTop - (tops[index] ?? 0) }
    // Only the reader leaves the bottom: a view that shrank, or a list that grew, did not go up.
    const isNearBottom = scrollHeight - scrollTop - clientHeight < AT_BOTTOM_PX
    const wentUp = scrollTop < lastTop.current - 1
    lastTop.current = scrollTop
    if (isNearBottom || wentUp) setIsAtBottom(isNearBottom)
    setIsNearTop(scrollTop < NEAR_TOP_PX)
    setNear((before) => {
      const there = rows.findIndex((row) => row.key === before)
      const isFar = there === -1 || Math.abs((tops[there] ?? 0) - scrollTop) > STEP_PX
      return isFar ? key : before
    })
  }, [rows, tops])

  const scrollToBottom = useCallback(() => {
    setIsAtBottom(true)
    const view = scroller.current
    if (view) view.scrollTop = view.scrollHeight
  }, [])

  const scrollToRow = useCallback(
    (key: string) => {
      const view = scroller.current
      const index = rows.findIndex((row) => row.key === key)
      if (!view || index === -1) return
      const top = Math.max(0, (tops[index] ?? 0) - view.clientHeight * ABOVE)
      anchor.current = { key, y: top - (tops[index] ?? 0) }
      setNear(key)
      view.scrollTop = top
      // A list that ends before goes no further: then its bottom is what is seen.
      const { scrollTop, scrollHeight, clientHeight } = view
      setIsAtBottom(scrollHeight - scrollTop - clientHeight < AT_BOTTOM_PX)
      lastTop.current = scrollTop
    },
    [rows, tops],
  )

  const before = tops[from] ?? 0
  const after = total - (tops[to] ?? 0)
  return {
    scroller,
    content,
    from,
    to,
    before,
    after,
    isAtBottom,
    isNearTop,
    onScroll,
    scrollToBottom,
    scrollToRow,
  }
}

function heightOf(row: Row | undefined, heights: ReadonlyMap<string, number>): number {
  return row ? (heights.get(row.key) ?? row.estimate) : 0
}

/** The heights with those of the rendered rows; undefined if nothing is new. */
function measure(
  list: HTMLElement,
  rows: readonly Row[],
  from: number,
  heights: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> | undefined {
  let measured: Map<string, number> | undefined
  let index = from
  for (const child of list.children) {
    const key = rows[index]?.key ?? ''
    const { height } = child.getBoundingClientRect()
    if (Math.abs(height - (heights.get(key) ?? -1)) > 0.5) {
      measured ??= new Map(heights)
      measured.set(key, height)
    }
    index += 1
  }
  return measured
}
