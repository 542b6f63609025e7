import { InvalidArgumentError } from 'commander'

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of a text such as `90s`, `15m`, `1h`, `7d`. Throws `InvalidArgumentError`. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? []
  const ms = Math.round(Number(number) * (UNITS[unit ?? ''] ?? Number.NaN))
  if (!(ms > 0)) throw new InvalidArgumentError('Write it as 90s, 15m, 1h or 7d.')
  return ms
}
