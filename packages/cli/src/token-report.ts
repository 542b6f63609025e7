import type { TokenReport } from '@tidewire/server'
import { table } from './output.ts'

const TIMES = new Set(['exp', 'iat', 'nbf', 'auth_time'])
const UNITS: readonly [number, string][] = [
  [86_400_000, 'days'],
  [3_600_000, 'hours'],
  [60_000, 'minutes'],
  [1000, 'seconds'],
]

/** Lines about a token, for people: what it says, and what is to be thought of it. */
export function toLines(report: TokenReport, now: number, keySet: string | undefined): string[] {
  const { header, claims, signature, expired } = report
  const rows = [
    ...Object.entries(header).map(([name, value]) => [`header ${name}`, shown(value)]),
    ...Object.entries(claims).map(([name, value]) => [name, claim(name, value, now)]),
    ['signature', SIGNATURES[signature](keySet)],
    ['expired', expired ? 'yes' : 'no'],
  ]
  return table(rows.map(([name = '', value = '']) => [printable(name), value]))
}

/** In words, whether a server takes it. */
export function verdict({ refusal, signature }: TokenReport): string {
  if (refusal === undefined) return 'Good: a server with this configuration accepts it.'
  if (signature === 'unknown') return 'Not known to be good: its signature cannot be checked here.'
  return `Not good: ${refusal}`
}

const SIGNATURES: Record<TokenReport['signature'], (keySet: string | undefined) => string> = {
  good: () => 'good: made with a key of this configuration',
  bad: () => 'bad: not made with a key of this configuration',
  unknown: (keySet) =>
    keySet === undefined
      ? 'not checked: there is no secret and no public key for it here'
      : `not checked: the keys may be at ${keySet}, which is not asked`,
}

function claim(name: string, value: unknown, now: number): string {
  if (!TIMES.has(name) || typeof value !== 'number' || Math.abs(value) > 8.64e12)
    return shown(value)
  const ms = value * 1000
  return `${new Date(ms).toISOString()} (${distance(ms - now)})`
}

function distance(ms: number): string {
  const [unit, name] = UNITS.find(([size]) => Math.abs(ms) >= size) ?? [1000, 'seconds']
  const count = Math.floor(Math.abs(ms) / unit)
  const amount = `${count} ${count === 1 ? name.slice(0, -1) : name}`
  return ms < 0 ? `${amount} ago` : `in ${amount}`
}

function shown(value: unknown): string {
  return printable(typeof value === 'string' ? value : JSON.stringify(value))
}

/** Whoever made the token must not write to this terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?')
}
