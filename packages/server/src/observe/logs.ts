import { destination, type DestinationStream, pino } from 'pino'

export type LogFields = Record<string, unknown>

/** Where the server's log lines go. pino has this shape, and so has whatever an app brings. Never throws. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

const MAX_FIELD = 256
const MAX_STACK = 4096
const MAX_DEPTH = 4
const MAX_ITEMS = 32
/** Log lines that wait for a slow reader of stdout; what comes on top is dropped. */
const MAX_WAITING_BYTES = 1024 * 1024
const REDACTED = '[redacted]'
const SECRET_NAME = /token|secret|password|authorization|cookie|api_?key|server_?key/i

/**
 * JSON lines on stdout, or on `stream`. Tokens, keys and secrets never reach a line: fields with such names are
 * blanked, texts that look like one are, and queries are cut from URLs. Texts are capped at 256 characters.
 */
export function createLogger(options: { level: string; stream?: DestinationStream }): Logger {
  const stream =
    options.stream ?? destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES })
  const log = pino({ level: options.level, base: { pid: process.pid } }, stream)
  const at = (level: keyof Logger) => (fields: LogFields, message: string) => {
    // To clean what nobody reads would cost more than most of what is logged.
    if (log.isLevelEnabled(level)) log[level](cleanFields(fields), cleanText(message))
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** A text without anything that looks like a token, and no longer than `max`. */
export function cleanText(text: string, max = MAX_FIELD): string {
  const clean = text
    // Cut first: what is matched below is bounded by it.
    .slice(0, 2 * max)
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/[^\s?#]{0,2048}|(?<=^|\s)\/[^\s?#]{0,2048})[?#]\S*/gi, '$1')
    .replaceAll(/\b(?:eyJ[\w-]{8,}(?:\.[\w-]*){0,2}|twr?_[a-z0-9-]{1,32}_[\w-]{8,})/g, REDACTED)
    .replaceAll(/\b(bearer[ .]|(?:token|secret)=)[^\s&"']+/gi, `$1${REDACTED}`)
  return clean.length > max ? `${clean.slice(0, max)}…` : clean
}

function cleanFields(fields: LogFields): LogFields {
  return clean(fields, 0) as LogFields
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) return '…'
  if (value instanceof Error) return cleanError(value, depth)
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => clean(item, depth + 1))
  const entries = Object.entries(value).slice(0, MAX_ITEMS)
  return Object.fromEntries(
    entries.map(([name, item]) => [
      cleanText(name),
      SECRET_NAME.test(name) ? REDACTED : clean(item, depth + 1),
    ]),
  )
}

function cleanError(error: Error, depth: number): LogFields {
  const { name, message, stack, cause } = error
  const { code, reason } = error as { code?: unknown; reason?: unknown }
  return {
    type: cleanText(name),
    message: cleanText(message),
    ...(code === undefined ? {} : { code: clean(code, depth + 1) }),
    ...(reason === undefined ? {} : { reason: clean(reason, depth + 1) }),
    ...(stack === undefined ? {} : { stack: cleanText(stack, MAX_STACK) }),
    ...(cause === undefined ? {} : { cause: clean(cause, depth + 1) }),
  }
}
