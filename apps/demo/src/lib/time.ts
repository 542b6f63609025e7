const DAY_MS = 86_400_000
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })
const weekday = new Intl.DateTimeFormat('en', { weekday: 'long', day: 'numeric', month: 'long' })
const date = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'long', year: 'numeric' })

export const clockTime = (at: number): string => clock.format(at)
export const fullTime = (at: number): string => full.format(at)

/** Midnight, in this time zone, of the day of `at`. */
export function dayOf(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0)
}

/** `Today`, `Yesterday`, `Friday, November 20` or, in other years, the date. */
export function dayName(day: number, now: number): string {
  const today = dayOf(now)
  if (day === today) return 'Today'
  if (day === dayOf(today - DAY_MS / 2)) return 'Yesterday'
  const sameYear = new Date(day).getFullYear() === new Date(now).getFullYear()
  return (sameYear ? weekday : date).format(day)
}
