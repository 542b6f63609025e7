import type { Envelope, JsonObject } from '@tidewire/protocol'
import { backoffDelay } from './backoff.ts'
import {
  type ConnectionConfig,
  type ConnectionEffect,
  type ConnectionEvent,
  connectionStep,
  initialConnection,
} from './connection-state.ts'
import { TidewireError } from './errors.ts'
import { isUnauthorized, type TokenSource } from './token-source.ts'
import type { OpenTransport, Transport, TransportOptions } from './transports/transport.ts'
import type {
  ConnectionState,
  DisconnectReason,
  StateChange,
  TokenContext,
  TransportName,
} from './types.ts'
import { onWake } from './wake.ts'

/** An attempt without `connection_established` after this long has failed. */
const OPEN_TIMEOUT_MS = 8000
/** A new token is asked for when this share of the old one's life is over. */
const REFRESH_AT = 0.8
/** What setTimeout can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1

export interface ConnectionOptions {
  config: ConnectionConfig
  url: string
  tokens: TokenSource
  /** Rejects when the code of the transport cannot be loaded. */
  transports: Record<TransportName, () => Promise<OpenTransport>>
  on: {
    state(change: StateChange): void
    /** `connection_established`, before the change of state to `connected`, and whatever the server says after that. */
    envelope(envelope: Envelope): void
    error(error: TidewireError): void
  }
}

/** Carries out what `connection-state.ts` decides: transports, tokens and timers. */
export class Connection {
  readonly #options: ConnectionOptions
  #machine
  #transport: Transport | undefined
  /** Names the current attempt or connection: what an older one still says is not heard. */
  #life = {}
  #timer: ReturnType<typeof setTimeout> | undefined
  #refreshTimer: ReturnType<typeof setTimeout> | undefined
  #refreshFailures = 0
  #stopListening: (() => void) | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#machine = initialConnection(options.config)
  }

  get state(): ConnectionState {
    return this.#machine.state
  }

  connect(): void {
    this.#stopListening ??= onWake(() => this.#dispatch({ type: 'wake' }))
    this.#dispatch({ type: 'connect' })
  }

  close(): void {
    this.#stopListening?.()
    this.#stopListening = undefined
    this.#dispatch({ type: 'close' })
  }

  /** Drops the frame when there is no connection. */
  send(envelope: Envelope): void {
    if (this.#machine.state.name === 'connected') this.#transport?.send(envelope)
  }

  /** Ends the connection because the server does not answer, and makes a new one. */
  restart(reason: DisconnectReason): void {
    this.#dispatch({ type: 'lost', reason })
  }

  #dispatch(event: ConnectionEvent): void {
    const from = this.#machine.state
    const { machine, effects } = connectionStep(this.#machine, event, Date.now(), Math.random())
    this.#machine = machine
    for (const effect of effects) this.#carryOut(effect)
    const to = machine.state
    if (to !== from) this.#options.on.state({ from, to })
  }

  #carryOut(effect: ConnectionEffect): void {
    switch (effect.type) {
      case 'open':
        return this.#open(effect.transport, effect.token)
      case 'drop':
        return this.#drop()
      case 'wait':
        return this.#after(effect.ms, { type: 'retry' })
      case 'probe':
        return this.#transport?.probe()
    }
  }

  #after(ms: number, event: ConnectionEvent): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#dispatch(event), ms)
  }

  #drop(): void {
    this.#life = {}
    clearTimeout(this.#timer)
    clearTimeout(this.#refreshTimer)
    this.#options.tokens.cancel()
    this.#transport?.close()
    this.#transport = undefined
  }

  #open(name: TransportName, reason: TokenContext['reason']): void {
    clearTimeout(this.#timer)
    const life = {}
    this.#life = life
    this.#attempt(name, reason, life).catch((cause: unknown) => {
      if (this.#life !== life) return
      const error = new TidewireError(
        'connection_failed',
        `The ${name} transport cannot be opened.`,
        { cause },
      )
      this.#dispatch({ type: 'lost', reason: 'network', error })
    })
  }

  /** Every step may take its time, and meanwhile another attempt may have begun. */
  async #attempt(name: TransportName, reason: TokenContext['reason'], life: object): Promise<void> {
    const { tokens, transports } = this.#options
    let token: string | undefined
    try {
      token = await tokens.get(reason)
    } catch (cause) {
      if (this.#life === life) this.#tokenFailed(cause)
      return
    }
    if (this.#life !== life) return
    this.#after(OPEN_TIMEOUT_MS, { type: 'timeout' })
    const open = await transports[name]()
    if (this.#life === life) this.#transport = open(this.#transportOptions(token, life))
  }

  #transportOptions(token: string | undefined, life: object): TransportOptions {
    return {
      url: this.#options.url,
      token,
      on: {
        envelope: (envelope) => {
          if (this.#life === life) this.#receive(envelope)
        },
        lost: (reason, error) => {
          if (this.#life !== life) return
          this.#dispatch({ type: 'lost', reason, ...(error === undefined ? {} : { error }) })
        },
      },
    }
  }

  #tokenFailed(cause: unknown): void {
    const unauthorized = isUnauthorized(cause)
    const error = new TidewireError(
      unauthorized ? 'unauthorized' : 'connection_failed',
      unauthorized ? 'Nobody is signed in.' : 'getToken failed; it will be called again.',
      { cause, temporary: !unauthorized },
    )
    this.#dispatch({
      type: 'lost',
      reason: unauthorized ? 'unauthorized' : 'token_unavailable',
      error,
    })
  }

  #receive(envelope: Envelope): void {
    const { type, payload } = envelope
    if (type === 'connection_established') {
      // First, what it takes; then it is given what waits.
      this.#options.on.envelope(envelope)
      return this.#established(payload)
    }
    if (type === 'auth_expiring') this.#expiring(envelope)
    else if (type === 'auth_response') this.#authenticated(envelope)
    else if (type === 'server_shutdown') {
      const { reconnect_in_ms: reconnectInMs } = payload
      if (typeof reconnectInMs === 'number') this.#dispatch({ type: 'shutdown', reconnectInMs })
    }
    if (this.#machine.state.name === 'connected') this.#options.on.envelope(envelope)
  }

  #established({ client_id: clientId, user }: JsonObject): void {
    clearTimeout(this.#timer)
    this.#refreshFailures = 0
    this.#dispatch({
      type: 'established',
      clientId: typeof clientId === 'string' ? clientId : '',
      user: typeof user === 'string' ? user : undefined,
    })
  }

  #authenticated(envelope: Envelope): void {
    this.#refreshFailures = 0
    const left = this.#expiresIn(envelope)
    if (left !== undefined) this.#refreshAfter(left * REFRESH_AT)
  }

  #expiring(envelope: Envelope): void {
    this.#expiresIn(envelope)
    this.#refreshAfter(0)
  }

  /** Milliseconds until the token ends, by the server's clock: this machine's may be wrong. */
  #expiresIn({ payload, metadata }: Envelope): number | undefined {
    const { expires_at: at } = payload
    const time = typeof at === 'string' ? Date.parse(at) : Number.NaN
    if (Number.isNaN(time)) return undefined
    const now = Date.parse(metadata.timestamp ?? '')
    const left = Math.max(0, time - (Number.isNaN(now) ? Date.now() : now))
    this.#options.tokens.expires(Date.now() + left)
    return left
  }

  #refreshAfter(ms: number): void {
    if (!this.#options.tokens.renewable) return
    clearTimeout(this.#refreshTimer)
    this.#refreshTimer = setTimeout(() => this.#refresh(), Math.min(ms, MAX_TIMER_MS))
  }

  #refresh(): void {
    const life = this.#life
    this.#options.tokens.get('expiring').then(
      (token) => {
        if (this.#life === life && token !== undefined) this.#transport?.refresh(token)
      },
      (cause: unknown) => {
        if (this.#life !== life) return
        // The connection lasts until the token ends. Then `getToken` is asked once more, and decides.
        if (isUnauthorized(cause)) return
        this.#refreshFailures += 1
        const { backoff } = this.#options.config
        this.#refreshAfter(1000 + backoffDelay(backoff, this.#refreshFailures, Math.random()))
        const error = new TidewireError(
          'connection_failed',
          'getToken failed; it will be called again.',
          { cause },
        )
        this.#options.on.error(error)
      },
    )
  }
}
