import { TidewireError } from './errors.ts'

/** `http(s)://host[:port][/prefix]`, of what the app passed or of the page. */
export function baseUrl(given: string | undefined): string {
  const text = given ?? (globalThis as { location?: { origin?: string } }).location?.origin
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^(http|ws)s?:$/.test(url.protocol)) {
    throw new TidewireError(
      'invalid_argument',
      'Pass `url`, such as http://localhost:8080: it is missing or not an http(s) or ws(s) address.',
    )
  }
  const { protocol, host, pathname } = url
  return `${protocol.replace('ws', 'http')}//${host}${pathname.replace(/\/+$/, '')}`
}
