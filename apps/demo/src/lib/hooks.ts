import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'
import { DEFAULT_ROOMS, isRoom, MAX_ROOMS, roomOfHash } from './rooms.ts'
import { recall, remember } from './storage.ts'

const onHash = (onChange: () => void): (() => void) => {
  addEventListener('hashchange', onChange)
  return () => removeEventListener('hashchange', onChange)
}

/** The room in the address. */
export function useRoom(): string {
  return useSyncExternalStore(onHash, () => roomOfHash(location.hash))
}

const isRooms = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(isRoom) && value.length > 0

/** The rooms of this browser; the one that is open is always among them. */
export function useRooms(current: string): { rooms: string[]; remove: (room: string) => void } {
  const [rooms, setRooms] = useState(() => recall('rooms', isRooms) ?? DEFAULT_ROOMS)
  const shown = rooms.includes(current) ? rooms : [...rooms, current].slice(-MAX_ROOMS)
  if (shown !== rooms) setRooms(shown)
  useEffect(() => remember('rooms', shown), [shown])
  const remove = useCallback(
    (room: string) => setRooms((before) => before.filter((other) => other !== room)),
    [],
  )
  return { rooms: shown, remove }
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
const onScheme = (onChange: () => void): (() => void) => {
  const media = matchMedia(DARK)
  media.addEventListener('change', onChange)
  return () => media.removeEventListener('change', onChange)
}

/** The colours: those of the system until the reader chose others. */
export function useTheme(): UseThemeResult {
  const [chosen, setChosen] = useState(() => recall('theme', isTheme))
  const isDark = useSyncExternalStore(onScheme, () => matchMedia(DARK).matches)
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
