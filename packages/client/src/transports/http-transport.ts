import type { Envelope } from '@tidewire/protocol'
import { TidewireError } from '../errors.ts'
import type { DisconnectReason } from '../types.ts'
import { type Http, lostReason } from './http.ts'
import { HttpChannels } from './http-channels.ts'
import { HttpSender, toTidewireError } from './http-sender.ts'
import type { Transport, TransportOptions } from './transport.ts'

/**
 * What SSE and long polling share: publishing and history are requests of their own; receiving is a `run` that ends
 * and begins anew, from the positions, whenever the set of channels changes.
 */
export abstract class HttpTransport implements Transport {
  protected readonly http: Http
  protected readonly channels: HttpChannels
  readonly #options: TransportOptions
  readonly #sender: HttpSender
  /** Aborts everything. */
  readonly #end = new AbortController()
  /** Aborts the current run. */
  #run = new AbortController()
  #restarting = false

  constructor(http: Http, options: TransportOptions) {
    this.#options = options
    this.http = http
    const emit = (envelope: Envelope): void => this.emit(envelope)
    this.channels = new HttpChannels(http, emit)
    this.#sender = new HttpSender(http, emit, this.#end.signal)
  }

  send(envelope: Envelope): void {
    switch (envelope.type) {
      case 'subscribe':
        this.channels.subscribe(envelope)
        return this.restart()
      case 'unsubscribe':
        return this.#unsubscribe(envelope)
      case 'history':
        return this.#sender.history(envelope)
      default:
        if (envelope.metadata.channel === undefined) this.#sender.command(envelope)
        else this.#sender.publish(envelope)
    }
  }

  refresh(token: string): void {
    this.http.token = token
    this.restart()
  }

  abstract probe(): void

  close(): void {
    this.#end.abort()
    this.#run.abort()
  }

  /** Receives until `signal` aborts. Rejects when the connection is lost. */
  protected abstract run(signal: AbortSignal): Promise<void>

  /** Finds out whether the server is there. Without a channel there is nothing to receive yet. */
  protected start(): void {
    this.#knock(this.#end.signal).then(
      () => this.emit({ type: 'connection_established', payload: { client_id: '' }, metadata: {} }),
      (error: unknown) => this.fail(toTidewireError(error)),
    )
  }

  /** Whether the server answers a request. */
  protected reached(signal: AbortSignal): Promise<boolean> {
    return this.#knock(signal).then(
      () => true,
      () => false,
    )
  }

  /** Ends the current run and begins another, once for all that changes in this turn. */
  protected restart(): void {
    if (this.#restarting) return
    this.#restarting = true
    queueMicrotask(() => {
      this.#restarting = false
      if (this.#end.signal.aborted) return
      this.#run.abort()
      this.#run = new AbortController()
      const { signal } = this.#run
      this.run(signal).catch((error: unknown) => {
        if (!signal.aborted) this.fail(toTidewireError(error))
      })
    })
  }

  /** Asks for each of these alone. */
  protected async joinAll(
    entries: Parameters<HttpChannels['join']>[0][],
    signal: AbortSignal,
  ): Promise<void> {
    await Promise.all(entries.map((entry) => this.channels.join(entry, signal)))
  }

  /**
   * All were refused together with `error`: leaves out the guilty ones. When that is none of them, or all are refused for
   * a moment, the connection is the trouble.
   */
  protected async winnow(error: TidewireError, signal: AbortSignal): Promise<void> {
    const before = this.channels.size
    try {
      await this.joinAll(this.channels.all, signal)
    } catch (cause) {
      // What ended it all may have said when to come back.
      throw error.temporary ? error : cause
    }
    const { size } = this.channels
    if (size === before || (size === 0 && error.temporary)) throw error
  }

  protected emit(envelope: Envelope): void {
    if (!this.#end.signal.aborted) this.#options.on.envelope(envelope)
  }

  protected fail(error: TidewireError): void {
    this.lose(lostReason(error), error)
  }

  protected lose(reason: DisconnectReason, error?: TidewireError): void {
    if (this.#end.signal.aborted) return
    this.close()
    this.#options.on.lost(reason, error)
  }

  async #knock(signal: AbortSignal): Promise<void> {
    await this.http.get('/v1/poll?wait=0', signal)
  }

  #unsubscribe({ payload, metadata }: Envelope): void {
    const channel = payload['channel'] as string
    this.channels.unsubscribe(channel)
    this.restart()
    const correlation_id = metadata.message_id ?? ''
    queueMicrotask(() => {
      this.emit({ type: 'unsubscribed', payload: { channel }, metadata: { correlation_id } })
    })
  }
}
