import { type Down, reasonOf } from '@tidewire/protocol'

/** RFC 6455 §7.4.1, as far as a server or a broken connection brings them. */
const CLOSE_CODES = new Set([1000, 1001, 1006, 1009, 1012])

/** Errors and close codes that clients met: each has to be one of PROTOCOL.md §7 (RELIABILITY I12). */
export class Answers {
  /** `where code` → how often. */
  readonly errors = new Map<string, number>()
  readonly undocumented: string[] = []
  /** What clients were told by a server that stops, in the order in which they were. */
  readonly shutdowns: { client: string; reconnectInMs: number }[] = []

  error(where: string, code: unknown): void {
    if (typeof code === 'number' && reasonOf(code) !== undefined) this.#count(`${where} ${code}`)
    else this.undocumented.push(`${where}: ${String(code)}`)
  }

  closed(where: string, code: number): void {
    if (CLOSE_CODES.has(code)) this.#count(`${where} closed ${code}`)
    else this.error(`${where} closed`, code)
  }

  shutdown(client: string, { reconnect_in_ms }: Down['server_shutdown']): void {
    this.shutdowns.push({ client, reconnectInMs: reconnect_in_ms })
  }

  #count(key: string): void {
    this.errors.set(key, (this.errors.get(key) ?? 0) + 1)
  }
}
