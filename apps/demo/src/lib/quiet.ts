import type { QuietHours } from '@tidewire/react'

export const DEFAULT_QUIET = { from: '22:00', to: '07:00' }

export const ownTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'

/** Whether it is quiet at `at`, by the clock on the wall of the zone. */
export function isQuietAt({ from, to, time_zone: timeZone }: QuietHours, at: number): boolean {
  const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone })
  const now = clock.format(at)
  return from < to ? from <= now && now < to : from <= now || now < to
}

/** `Europe/Berlin` as people say it: `Berlin`. */
export function placeOfZone(timeZone: string): string {
  return (timeZone.split('/').at(-1) ?? timeZone).replaceAll('_', ' ')
}
