import { type Fetch, Http, isAboutChannels } from './http.ts'
import { HttpTransport } from './http-transport.ts'
import { toTidewireError } from './http-sender.ts'
import type { OpenTransport, TransportOptions } from './transport.ts'

/** What the server waits for a first delivery. */
const WAIT_MS = 25_000
/** An answer that comes no sooner than this after its wait does not come. */
const GRACE_MS = 10_000

export function pollTransport(fetch: Fetch): OpenTransport {
  return (options) => new PollTransport(new Http(fetch, options.url, options.token), options)
}

/** Long polling and POST: one poll for all channels waits at any time. */
class PollTransport extends HttpTransport {
  constructor(http: Http, options: TransportOptions) {
    super(http, options)
    this.start()
  }

  /** The poll that waits is the sign of life: a new one tells at once whether the server is there. */
  override probe(): void {
    this.restart()
  }

  protected override async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.joinAll(this.channels.pending, signal)
      if (signal.aborted || this.channels.size === 0) return
      await this.#poll(signal)
      if (signal.aborted) return
    }
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const query = this.channels.query()
    query.set('wait', String(WAIT_MS))
    const overdue = setTimeout(() => this.lose('heartbeat_timeout'), WAIT_MS + GRACE_MS)
    try {
      const { body } = await this.http.get(`/v1/poll?${query}`, signal, WAIT_MS + 2 * GRACE_MS)
      if (!signal.aborted) this.channels.page(body)
    } catch (cause) {
      const error = toTidewireError(cause)
      if (!isAboutChannels(error)) throw error
      // One of them is refused now. Asked for alone, each tells.
      await this.winnow(error, signal)
    } finally {
      clearTimeout(overdue)
    }
  }
}
