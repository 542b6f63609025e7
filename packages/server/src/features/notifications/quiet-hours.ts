import type { QuietHours } from './types.ts'

const MAX_FORMATS = 100

/** Whether the machine knows the time zone. */
export function isTimeZone(name: string): boolean {
  // Offsets such as +01:00 are no places: they know nothing of summer.
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    formatOf(name)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** Tells quiet from other times. Making a format is slow, so it keeps those that were used last. */
export class QuietClock {
  readonly #formats = new Map<string, Intl.DateTimeFormat>()

  /** Whether `at`, in milliseconds since 1970, lies within the hours. */
  isQuiet({ from, to, time_zone }: QuietHours, at: number): boolean {
    const now = this.#format(time_zone).format(at)
    return from < to ? from <= now && now < to : from <= now || now < to
  }

  #format(zone: string): Intl.DateTimeFormat {
    const known = this.#formats.get(zone)
    if (known !== undefined) return known
    const format = formatOf(zone)
    const [oldest] = this.#formats.keys()
    if (this.#formats.size >= MAX_FORMATS && oldest !== undefined) this.#formats.delete(oldest)
    this.#formats.set(zone, format)
    return format
  }
}

/** `HH:MM`, from 00:00 to 23:59. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
}
