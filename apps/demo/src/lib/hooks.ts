import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { type Goal, goalOfHash, type Place, placeOfHash } from './places.ts'
import { recall, remember } from './storage.ts'

const onHash = (onChange: () => void): (() => void) => {
  addEventListener('hashchange', onChange)
  return () => removeEventListener('hashchange', onChange)
}

/** The place in the address. */
export function usePlace(): Place {
  return useSyncExternalStore(onHash, () => placeOfHash(location.hash))
}

/** The message that the address leads to. */
export function useAddressed(): Goal | undefined {
  const hash = useSyncExternalStore(onHash, () => location.hash)
  return useMemo(() => goalOfHash(hash), [hash])
}

/** Milliseconds since 1970, in whole steps of `everyMs`, and renewed after each of them while it is `ticking`. */
export function useNow(everyMs: number, ticking = true): number {
  return useSyncExternalStore(
    useCallback(
      (onChange) => {
        if (!ticking) return () => undefined
        const timer = setInterval(onChange, everyMs)
        return () => clearInterval(timer)
      },
      [everyMs, ticking],
    ),
    () => Math.floor(Date.now() / everyMs) * everyMs,
  )
}

/** A value that changes often, when it has rested for `ms`. */
export function useLater<Value>(value: Value, ms: number): Value {
  const [rested, setRested] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return rested
}

const onVisibility = (onChange: () => void): (() => void) => {
  document.addEventListener('visibilitychange', onChange)
  return () => document.removeEventListener('visibilitychange', onChange)
}

/** Whether somebody can see the page. */
export function useIsVisible(): boolean {
  return useSyncExternalStore(onVisibility, () => document.visibilityState === 'visible')
}

export type Theme = 'light' | 'dark'

export interface UseThemeResult {
  theme: Theme
  toggle: () => void
}

const isTheme = (value: unknown): value is Theme => value === 'light' || value === 'dark'
const DARK = '(prefers-color-scheme: dark)'

/** The colours: those of the system until the reader chose others. */
export function useTheme(): UseThemeResult {
  const [chosen, setChosen] = useState(() => recall('theme', isTheme))
  const isDark = useMedia(DARK)
  const theme = chosen ?? (isDark ? 'dark' : 'light')
  useEffect(() => {
    if (!chosen) return
    document.documentElement.dataset['theme'] = chosen
    const { backgroundColor } = getComputedStyle(document.body)
    for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name=theme-color]')) {
      meta.content = backgroundColor
    }
    remember('theme', chosen)
  }, [chosen])
  return { theme, toggle: () => setChosen(theme === 'dark' ? 'light' : 'dark') }
}

/** Keeps the page as high as what an on-screen keyboard leaves of it, where the browser does not. */
export function useVisibleHeight(): void {
  useEffect(() => {
    const { visualViewport: viewport } = globalThis
    if (!viewport) return undefined
    const { style, dataset } = document.documentElement
    const fit = (): void => {
      const isKeyboardOpen = innerHeight - viewport.height > 120 && viewport.scale < 1.01
      if (isKeyboardOpen) style.setProperty('--visible-height', `${viewport.height}px`)
      else style.removeProperty('--visible-height')
      dataset['keyboard'] = isKeyboardOpen ? 'open' : 'closed'
    }
    viewport.addEventListener('resize', fit)
    return () => viewport.removeEventListener('resize', fit)
  }, [])
}

/** Whether the page matches a media query. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    useCallback(
      (onChange) => {
        const media = matchMedia(query)
        media.addEventListener('change', onChange)
        return () => media.removeEventListener('change', onChange)
      },
      [query],
    ),
    () => matchMedia(query).matches,
  )
}

/** Esc, where nothing else takes it. */
export function useEscape(onEscape: () => void, isActive: boolean): void {
  useEffect(() => {
    if (!isActive) return undefined
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.defaultPrevented) return
      // What floats above closes first, by itself.
      if (!document.querySelector('dialog[open], :popover-open')) onEscape()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  })
}
