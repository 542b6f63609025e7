import {
  type Down,
  type Envelope,
  ERRORS,
  isReserved,
  type JsonObject,
  ProtocolError,
} from '@tidewire/protocol'
import { publish } from './commands/publish.ts'
import type { Core, Reply } from './core.ts'
import { watchExpiry } from './expiry.ts'
import { Outbox } from './outbox.ts'
import { Pages } from './pages.ts'
import { required } from './permissions.ts'
import type { Actor } from './ports/actor.ts'
import { Batch } from './ports/batch.ts'
import type { Connection } from './ports/connection.ts'
import type { SessionHandle } from './ports/service.ts'
import type { Reader, Subscription } from './subscription.ts'
import { TokenBucket } from './token-bucket.ts'
import type { Flushable } from './turn.ts'

/** What a connection without a token has for its `auth` frame. Absolute: traffic does not extend it. */
const AUTH_DEADLINE_MS = 5_000
/** Undecodable frames that a connection may send: nine at once, and one every ten seconds. More close it. */
const STRIKES = { burst: 9, perSecond: 0.1 }

/**
 * The protocol state of one client over one connection: authenticates, dispatches frames to commands in the order
 * they came, answers, and writes once per turn.
 */
export class Session implements SessionHandle, Flushable, Reader {
  readonly id: string
  readonly connection: Connection
  readonly subscriptions = new Map<string, Subscription>()
  readonly #core: Core
  readonly #outbox: Outbox
  #actor: Actor | undefined
  #closed = false
  #strikes: TokenBucket | undefined
  /** Commands that were not answered yet. */
  #inFlight = 0
  #paused = false
  /** Frames that came behind an `auth` whose token is being checked. The connection is paused: one chunk at most. */
  #behindAuth: Envelope[] | undefined
  readonly #pages: Pages
  /** Settles when the last publish whose permission took a while was handed on. */
  #order: Promise<void> | undefined
  #cancelTimer: (() => void) | undefined

  constructor(core: Core, connection: Connection, id: string) {
    this.#core = core
    this.id = id
    this.connection = connection
    this.#outbox = new Outbox(connection, core.limits.max_outbox_bytes)
    this.#pages = new Pages(connection, this.#outbox, core.clock)
  }

  /** Greets, and starts the deadline of `auth` or of the token. */
  open(actor: Actor | undefined): void {
    this.#core.sessions.add(this)
    this.#actor = actor
    this.send('connection_established', {
      client_id: this.id,
      session: this.id,
      authenticated: this.user !== undefined || actor?.kind === 'server',
      ...(this.user === undefined ? {} : { user: this.user }),
      heartbeat_ms: this.#core.heartbeatMs,
      limits: { ...this.#core.limits },
    })
    if (actor !== undefined) this.become(actor)
    else {
      this.#cancelTimer = this.#core.timers.after(AUTH_DEADLINE_MS, () => this.end(required()))
    }
  }

  get actor(): Actor | undefined {
    return this.#actor
  }

  get user(): string | undefined {
    return this.#actor?.user
  }

  get isClosed(): boolean {
    return this.#closed
  }

  receive(envelope: Envelope): void {
    if (this.#closed) return
    if (this.#behindAuth !== undefined) return this.#holdBehindAuth(envelope)
    const { type, metadata } = envelope
    if (this.#actor === undefined && type !== 'auth' && type !== 'ping') return this.end(required())
    try {
      const command =
        this.#core.command(type) ??
        (metadata.channel !== undefined && !isReserved(type) ? publish : undefined)
      if (command === undefined) throw unknownType(type, metadata.channel)
      const reply = command(this, envelope, this.#core)
      if (reply instanceof Promise) {
        if (type === 'auth') this.#behindAuth = []
        this.#answerLater(reply, envelope)
      } else if (reply !== undefined) this.reply(reply, metadata.message_id)
    } catch (error) {
      this.#fail(error, metadata.message_id)
    }
  }

  refuse(error: ProtocolError): void {
    if (this.#closed) return
    this.#fail(error, error.messageId)
  }

  closed(code: number): void {
    if (this.#closed) return
    this.#closed = true
    this.#cancelTimer?.()
    this.#outbox.clear()
    for (const subscription of this.subscriptions.values()) this.#core.leave(subscription)
    this.subscriptions.clear()
    this.#pages.end()
    this.#core.sessions.remove(this)
    if (this.user !== undefined && this.#core.sessions.of(this.user).length === 0) {
      this.#core.calls.left(this.user)
    }
    this.#core.observer.disconnected(this.connection.transport, code)
  }

  /** Whoever the token says from now on; the user of a session never changes. */
  become(actor: Actor): void {
    this.#actor = actor
    this.#core.sessions.add(this)
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (actor.expires_at === undefined) return
    const expires_at = new Date(actor.expires_at).toISOString()
    this.#cancelTimer = watchExpiry(actor.expires_at, this.#core.clock, this.#core.timers, {
      onNotice: () => this.send('auth_expiring', { expires_at }),
      onExpired: () => this.#expire(),
    })
  }

  send<Type extends keyof Down>(type: Type, payload: Down[Type], correlationId?: string): void {
    this.reply({ type, payload }, correlationId)
  }

  reply({ type, payload }: Reply, correlationId: string | undefined): void {
    const timestamp = this.#core.timestamp()
    const metadata =
      correlationId === undefined ? { timestamp } : { correlation_id: correlationId, timestamp }
    this.push(new Batch([{ type, payload: payload as JsonObject, metadata }]))
  }

  push(batch: Batch): void {
    if (this.#closed) return
    if (this.#outbox.push(batch)) this.#core.turn.touchSession(this)
  }

  flush(): void {
    if (this.#closed) return
    if (this.#outbox.flush() === 'overflow') {
      this.#outbox.clear()
      this.end(
        new ProtocolError(
          'slow_consumer',
          'The connection does not keep up. Reconnect and resume from your position.',
        ),
      )
    }
  }

  /** Says why, and ends the connection. */
  end(error: ProtocolError, correlationId?: string): void {
    if (this.#closed) return
    this.send('error', error.toPayload(), correlationId)
    if (error.reason !== 'slow_consumer') this.#outbox.flush()
    this.connection.close(error.code, error.reason)
    this.closed(error.code)
  }

  /** Ends the connection with a code of RFC 6455, after what waits for it. */
  leave(code: number, reason: string): void {
    if (this.#closed) return
    this.#outbox.flush()
    this.connection.close(code, reason)
    this.closed(code)
  }

  // Reader

  deliver(batch: Batch, publications: number): void {
    this.#core.observer.delivered(publications)
    this.push(batch)
  }

  marker<Type extends 'subscribed' | 'reset'>(
    type: Type,
    payload: Down[Type],
    correlationId?: string,
  ): void {
    if (type === 'reset') this.#core.observer.reset((payload as Down['reset']).reason)
    this.send(type, payload, correlationId)
  }

  /** The server's end of a subscription. Who can send frames is told, and keeps the others; a stream ends with it. */
  endSubscription(subscription: Subscription, error: ProtocolError): void {
    const { channel } = subscription
    this.subscriptions.delete(channel)
    this.#core.leave(subscription)
    if (!this.connection.duplex) return this.end(error)
    this.send('unsubscribed', { channel, error: error.toPayload() })
  }

  page<T>(read: () => Promise<T>): Promise<T> {
    return this.#pages.read(read)
  }

  /**
   * Runs what the permission allows, at once when it is there already; never before what came before it, whose permission
   * may take longer.
   */
  inOrder<T>(permission: Promise<void> | undefined, run: () => Promise<T>): Promise<T> {
    if (permission === undefined && this.#order === undefined) return run()
    // Whoever waits for it may come later than its refusal.
    permission?.catch(() => undefined)
    const turn = (this.#order ?? Promise.resolve()).then(() => permission)
    const ran = turn.then(() => {
      if (this.#closed) throw new ProtocolError('unavailable', 'The connection ended before.')
      return run()
    })
    const handedOn = (): void => {
      if (this.#order === order) this.#order = undefined
    }
    const order: Promise<void> = turn.then(handedOn, handedOn)
    this.#order = order
    return ran
  }

  fail(error: unknown): void {
    this.#core.observer.failed('catch-up', error)
    this.end(new ProtocolError('unknown_error', 'The history could not be read. Connect again.'))
  }

  #holdBehindAuth(envelope: Envelope): void {
    const held = this.#behindAuth!
    if (held.push(envelope) <= this.#core.limits.max_in_flight) return
    this.end(new ProtocolError('rate_limited', 'Wait for `auth_response` before sending so much.'))
  }

  #goOnAfterAuth(): void {
    const held = this.#behindAuth ?? []
    this.#behindAuth = undefined
    for (const envelope of held) this.receive(envelope)
  }

  #answerLater(reply: Promise<Reply | undefined>, { type, metadata }: Envelope): void {
    this.#inFlight += 1
    const full = type === 'auth' || this.#inFlight >= this.#core.limits.max_in_flight
    if (full && !this.#paused) {
      this.#paused = true
      this.connection.pause()
    }
    reply.then(
      (answer) => {
        this.#answered()
        if (answer !== undefined) this.reply(answer, metadata.message_id)
        if (type === 'auth') this.#goOnAfterAuth()
      },
      (error: unknown) => {
        this.#answered()
        this.#fail(error, metadata.message_id)
        if (type === 'auth') this.#goOnAfterAuth()
      },
    )
  }

  #answered(): void {
    this.#inFlight -= 1
    if (this.#paused && this.#inFlight <= this.#core.limits.max_in_flight / 2) {
      this.#paused = false
      this.connection.resume()
    }
  }

  #fail(error: unknown, correlationId: string | undefined): void {
    if (this.#closed) return
    if (!(error instanceof ProtocolError)) {
      this.#core.observer.failed('command', error)
      return this.end(
        new ProtocolError('unknown_error', 'Something failed on the server. Try again.', {
          cause: error,
        }),
        correlationId,
      )
    }
    if (ERRORS[error.reason].closes || this.#isStruckOut(error))
      return this.end(error, correlationId)
    this.send('error', error.toPayload(), correlationId)
  }

  #isStruckOut({ reason }: ProtocolError): boolean {
    if (reason !== 'bad_envelope') return false
    const now = this.#core.clock.steady()
    this.#strikes ??= new TokenBucket({ ...STRIKES, now })
    return !this.#strikes.take(now)
  }

  #expire(): void {
    this.end(new ProtocolError('session_expired', 'The token expired. Connect with a new one.'))
  }
}

function unknownType(type: string, channel: string | undefined): ProtocolError {
  return new ProtocolError(
    'unknown_type',
    channel === undefined && !isReserved(type)
      ? `There is no command \`${type}\`. To publish it, set \`metadata.channel\`.`
      : `This server does not know the type \`${type}\`.`,
  )
}
