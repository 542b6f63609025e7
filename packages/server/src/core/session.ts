import {
  type Down,
  type Envelope,
  ERRORS,
  isReserved,
  type JsonObject,
  ProtocolError,
} from '@tidewire/protocol'
import { publish } from './commands/publish.ts'
import type { Command, Core, Reply } from './core.ts'
import { Expiry, type Expiring } from './expiry.ts'
import { Intake } from './intake.ts'
import { Order } from './order.ts'
import { Outbox } from './outbox.ts'
import { Pages } from './pages.ts'
import { Pauses } from './pauses.ts'
import { required } from './permissions.ts'
import type { Actor } from './ports/actor.ts'
import { Batch } from './ports/batch.ts'
import type { Connection } from './ports/connection.ts'
import type { SessionHandle } from './ports/service.ts'
import { ConnectionBuckets, type RateLimits } from './rate-limits.ts'
import { noteRefusal } from './refusals.ts'
import { Strikes } from './strikes.ts'
import type { Reader, Subscription } from './subscription.ts'
import { Subscriptions } from './subscriptions.ts'
import type { Timer } from './timers.ts'
import type { Flushable } from './turn.ts'

/** What a connection without a token has for its `auth` frame. Absolute: traffic does not extend it. */
const AUTH_DEADLINE_MS = 5_000

/**
 * The protocol state of one client over one connection: authenticates, dispatches frames to commands in the order
 * they came, answers, and writes once per turn.
 */
export class Session implements SessionHandle, Flushable, Reader, Expiring {
  readonly id: string
  readonly connection: Connection
  readonly subscriptions = new Subscriptions()
  readonly pauses: Pauses
  /** How application code knows it. Not in a WeakMap, whose values live until the whole heap is collected. */
  client: object | undefined
  readonly #core: Core
  readonly #outbox: Outbox
  #actor: Actor | undefined
  #closed = false
  /** Whether application code was told of it. */
  #announced = false
  /** Made with the first frame that is counted. */
  #buckets: ConnectionBuckets | undefined
  #strikes: Strikes | undefined
  /** Commands that were not answered yet. */
  #inFlight = 0
  readonly #intake: Intake
  #isCheckingToken = false
  /** Made with the first page that is read. */
  #pages: Pages | undefined
  #order: Order | undefined
  /** Of the token; before there is one, of the time to send one. */
  #deadline: Expiry | Timer | undefined

  constructor(core: Core, connection: Connection, id: string) {
    this.#core = core
    this.id = id
    this.connection = connection
    this.pauses = new Pauses(connection)
    this.#intake = new Intake(core.clock, core.pace, this.pauses, this)
    this.#outbox = new Outbox(connection, core.limits.max_outbox_bytes)
  }

  /** Greets, and starts the deadline of `auth` or of the token. */
  open(actor: Actor | undefined): void {
    this.#actor = actor
    this.#core.sessions.add(this)
    this.send('connection_established', {
      client_id: this.id,
      session: this.id,
      authenticated: this.user !== undefined || actor?.kind === 'server',
      ...(this.user === undefined ? {} : { user: this.user }),
      heartbeat_ms: this.#core.heartbeatMs,
      limits: isCounted(actor) ? this.#core.toldLimits : this.#core.toldWithoutRates,
    })
    if (actor !== undefined) this.become(actor)
    else {
      this.#deadline = this.#core.timers.after(AUTH_DEADLINE_MS, () => {
        this.expel(required(), 'auth')
      })
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
    if (this.#intake.isHolding) return this.#hold(envelope)
    const { type, metadata } = envelope
    if (this.#actor === undefined && type !== 'auth' && type !== 'ping') {
      return this.expel(required(), type)
    }
    const command =
      this.#core.command(type) ??
      (metadata.channel !== undefined && !isReserved(type) ? publish : undefined)
    // Publications are sequenced as they come: those of a turn are one batch.
    if (command !== publish && !this.#intake.mayRun(envelope)) return
    try {
      this.#count(command, envelope)
      if (command === undefined) throw unknownType(type, metadata.channel)
      const reply = command(this, envelope, this.#core)
      if (reply instanceof Promise) {
        this.#answerLater(reply, envelope)
      } else if (reply !== undefined) this.reply(reply, metadata.message_id)
    } catch (error) {
      this.#fail(error, envelope)
    }
  }

  refuse(error: ProtocolError): void {
    if (this.#closed) return
    this.#answerError(error, error.messageId, false)
  }

  closed(code: number): void {
    if (this.#closed) return
    this.#closed = true
    this.#deadline?.cancel()
    this.#strikes?.end()
    this.#outbox.clear()
    for (const subscription of this.subscriptions.values()) this.drop(subscription)
    this.#pages?.end()
    this.#core.sessions.remove(this)
    if (this.user !== undefined && !this.#core.sessions.has(this.user)) {
      this.#core.calls.left(this.user)
    }
    if (this.#announced) this.#core.lifecycle.tell('disconnected', this)
    this.#core.observer.disconnected(this.connection.transport, code)
  }

  /** Whoever the token says from now on; the user of a session never changes. */
  become(actor: Actor): void {
    this.#actor = actor
    this.#core.sessions.add(this)
    this.#core.admission.makeRoom(this)
    if (this.user !== undefined && !this.#announced) {
      this.#announced = true
      this.#core.lifecycle.tell('connected', this)
    }
    this.#deadline?.cancel()
    this.#deadline = undefined
    if (actor.expires_at === undefined) return
    const { clock, timers } = this.#core
    const expiry = new Expiry(actor.expires_at, clock, timers, this)
    this.#deadline = expiry
    expiry.look()
  }

  // Expiring

  expiresSoon(expiresAt: number): void {
    this.send('auth_expiring', { expires_at: new Date(expiresAt).toISOString() })
  }

  expired(): void {
    this.end(new ProtocolError('session_expired', 'The token expired. Connect with a new one.'))
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

  /** As `end`, for what somebody may not do, or not so much: the audit log is told. */
  expel(error: ProtocolError, action: string): void {
    this.noteRefusal(error, action)
    this.end(error)
  }

  /** Tells the audit log when the error is a refusal. */
  noteRefusal(error: unknown, action: string, channel?: string): void {
    const { connection, user, id: client_id } = this
    const { address, transport } = connection
    const key_id = this.#actor?.key_id
    const who = { user, key_id, client_id, address, transport }
    noteRefusal(this.#core.observer, error, { action, channel, ...who })
  }

  /** How many of `count` publications may be read back at once. Throws `rate_limited` when too many were. */
  takeHistory(count: number): number {
    const own = this.connection.duplex ? this.#own() : undefined
    return this.#rates?.history(count, this.user, own) ?? count
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

  reset(payload: Down['reset']): void {
    this.#core.observer.reset(payload.reason)
    this.send('reset', payload)
  }

  /** Ends a subscription of this session, which the client asked for or is told of. `error`: why the server does. */
  drop(subscription: Subscription, error?: ProtocolError): void {
    const { channel } = subscription
    this.subscriptions.delete(subscription)
    this.#core.channels.leave(subscription)
    if (!subscription.announced) return
    subscription.announced = false
    this.#core.lifecycle.tell('unsubscribed', this, channel, error)
  }

  /** The server's end of a subscription. Who can send frames is told, and keeps the others; a stream ends with it. */
  endSubscription(subscription: Subscription, error: ProtocolError): void {
    const { channel } = subscription
    this.noteRefusal(error, 'subscribe', channel)
    this.drop(subscription, error)
    if (!this.connection.duplex) return this.end(error)
    this.send('unsubscribed', { channel, error: error.toPayload() })
  }

  page<T>(read: () => Promise<T>): Promise<T> {
    this.#pages ??= new Pages(this.connection, this.#outbox, this.#core.clock)
    return this.#pages.read(read)
  }

  /** Hands on a publish when its permission is there, and not before those that came before it. */
  inOrder<T>(permission: Promise<void> | undefined, run: () => Promise<T> | T): Promise<T> | T {
    if (permission === undefined && (this.#order === undefined || this.#order.isFree)) return run()
    this.#order ??= new Order()
    return this.#order.add(permission, () => {
      if (this.#closed) throw new ProtocolError('unavailable', 'The connection ended before.')
      return run()
    })
  }

  fail(error: unknown): void {
    this.#core.observer.failed('catch-up', error)
    this.end(new ProtocolError('unknown_error', 'The history could not be read. Connect again.'))
  }

  get #rates(): RateLimits | undefined {
    return this.#actor?.kind === 'server' ? undefined : this.#core.rates
  }

  #own(): ConnectionBuckets {
    return (this.#buckets ??= new ConnectionBuckets(this.connection.address))
  }

  /** Throws `rate_limited`. The frames of who cannot send any were made by its transport, for a request that was counted. */
  #count(command: Command | undefined, { type, metadata }: Envelope): void {
    const rates = this.#rates
    if (rates === undefined || !this.connection.duplex) return
    const own = this.#own()
    if (command === publish) rates.publish(type, this.user, own.address, own)
    else if (type !== 'result' || !this.#core.calls.awaits(this.user, metadata.correlation_id)) {
      rates.command(this.user, own)
    }
  }

  #hold(envelope: Envelope): void {
    const held = this.#intake.add(envelope)
    if (!this.#isCheckingToken || held <= this.#core.limits.max_in_flight) return
    this.expel(
      new ProtocolError('rate_limited', 'Wait for `auth_response` before sending so much.'),
      'auth',
    )
  }

  #answerLater(reply: Promise<Reply | undefined>, envelope: Envelope): void {
    const { type, metadata } = envelope
    this.#inFlight += 1
    if (type === 'auth') {
      this.#isCheckingToken = true
      this.#intake.hold()
    }
    if (this.#inFlight >= this.#core.limits.max_in_flight) this.pauses.add('work')
    reply.then(
      (answer) => {
        this.#answered()
        if (answer !== undefined) this.reply(answer, metadata.message_id)
        if (type === 'auth') this.#goOnAfterAuth()
      },
      (error: unknown) => {
        this.#answered()
        this.#fail(error, envelope)
        if (type === 'auth') this.#goOnAfterAuth()
      },
    )
  }

  #goOnAfterAuth(): void {
    this.#isCheckingToken = false
    this.#intake.goOn()
  }

  #answered(): void {
    this.#inFlight -= 1
    if (this.#inFlight <= this.#core.limits.max_in_flight / 2) this.pauses.delete('work')
  }

  /** Answers a frame that failed. */
  #fail(error: unknown, { type, payload, metadata }: Envelope): void {
    if (this.#closed) return
    if (!(error instanceof ProtocolError)) {
      this.#core.observer.failed('command', error)
      return this.end(
        new ProtocolError('unknown_error', 'Something failed on the server. Try again.', {
          cause: error,
        }),
        metadata.message_id,
      )
    }
    const isPublish = metadata.channel !== undefined && this.#core.command(type) === undefined
    const channel = metadata.channel ?? payload['channel']
    this.noteRefusal(
      error,
      isPublish ? 'publish' : type,
      typeof channel === 'string' ? channel : undefined,
    )
    this.#answerError(error, metadata.message_id, true)
  }

  #answerError(error: ProtocolError, correlationId: string | undefined, readable: boolean): void {
    const { closes } = ERRORS[error.reason]
    if (closes || this.#isOut(error, readable)) this.end(error, correlationId)
    else this.send('error', error.toPayload(), correlationId)
  }

  #isOut(error: ProtocolError, readable: boolean): boolean {
    if (error.reason !== 'bad_envelope' && error.reason !== 'rate_limited') return false
    this.#strikes ??= new Strikes(this.pauses, this.#core.clock)
    return this.#strikes.isOut(error, readable)
  }
}

/** Whether the publishes of the session are. Who is still to say who it is may turn out to be a server. */
function isCounted(actor: Actor | undefined): boolean {
  return actor !== undefined && actor.kind !== 'server'
}

function unknownType(type: string, channel: string | undefined): ProtocolError {
  return new ProtocolError(
    'unknown_type',
    channel === undefined && !isReserved(type)
      ? `There is no command \`${type}\`. To publish it, set \`metadata.channel\`.`
      : `This server does not know the type \`${type}\`.`,
  )
}
