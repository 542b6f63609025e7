import type { Findings } from './anomalies.ts'
import type { AccessChanged, Received } from './events.ts'

/** Who may receive what, and since when (RELIABILITY I8: nothing after the right was gone for `graceMs`). */
export class Access {
  readonly #denied = new Map<string, Map<string, number>>()
  readonly #findings: Findings
  readonly #graceMicroseconds: number

  constructor(findings: Findings, graceMs: number) {
    this.#findings = findings
    this.#graceMicroseconds = graceMs * 1000
  }

  changed({ client, channel, allowed, t }: AccessChanged): void {
    let channels = this.#denied.get(client)
    if (channels === undefined) this.#denied.set(client, (channels = new Map()))
    if (allowed) channels.delete(channel)
    else if (!channels.has(channel)) channels.set(channel, t)
  }

  received(event: Received): void {
    const since = this.#denied.get(event.client)?.get(event.channel)
    if (since === undefined || event.t - since <= this.#graceMicroseconds) return
    const late = Math.round((event.t - since) / 1000)
    this.#findings.add('unauthorised', event, `${event.value}, ${late} ms after the right was gone`)
  }
}
