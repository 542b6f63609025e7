import http from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  DEFAULT_FRAME_LIMITS,
  type Envelope,
  type JsonObject,
  type Position,
  type ProtocolError,
  type Publication,
} from '@tidewire/protocol'
import type { Actor } from '../src/core/ports/actor.ts'
import { Batch, ChannelBatch } from '../src/core/ports/batch.ts'
import type { Page } from '../src/core/ports/broker.ts'
import type { Clock } from '../src/core/ports/clock.ts'
import type { Connection } from '../src/core/ports/connection.ts'
import type { Service, SessionHandle } from '../src/core/ports/service.ts'
import type { Observer, Refusal } from '../src/core/ports/observer.ts'
import { Turnstile } from '../src/transports/turnstile.ts'
import { Door } from '../src/transports/door.ts'
import { createRequestListener, type HttpApiOptions } from '../src/transports/http-api.ts'

/** A session that says what the test says. */
export class ScriptedSession implements SessionHandle {
  readonly id = 'scripted'
  readonly connection: Connection
  readonly received: Envelope[] = []
  closedWith: number | undefined

  constructor(connection: Connection) {
    this.connection = connection
  }

  receive(envelope: Envelope): void {
    this.received.push(envelope)
  }

  refuse(error: ProtocolError): void {
    throw error
  }

  closed(code: number): void {
    this.closedWith ??= code
  }

  say(type: string, payload: object): void {
    this.connection.send([frame(type, payload)])
  }

  /** Answers `subscribe`; the stream starts at `position`. Without one the channel has no log. */
  subscribed(channel: string, position?: Position, payload: object = {}): void {
    this.say('subscribed', subscribedPayload(channel, position, payload))
  }

  /** Publications in one turn. */
  deliver(...batches: ChannelBatch[]): void {
    this.connection.send(batches)
  }
}

export function frame(type: string, payload: object): Batch {
  return new Batch([{ type, payload: payload as JsonObject, metadata: {} }])
}

export function subscribedPayload(channel: string, position?: Position, payload: object = {}) {
  return { channel, offset: 0, ...position, recovered: false, ...payload }
}

/** A batch of `count` publications from `first` on; without an epoch they have no offsets. */
export function batch(
  channel: string,
  epoch: string | undefined,
  first: number,
  count = 1,
  publication: { type?: string; payload?: JsonObject } = {},
): ChannelBatch {
  const publications = Array.from({ length: count }, (_, i): Publication => {
    const metadata: Publication['metadata'] = {
      message_id: `m${first + i}`,
      timestamp: '2027-01-01T00:00:00.000Z',
      channel,
    }
    if (epoch !== undefined) metadata.offset = first + i
    return { type: 'message', payload: { n: first + i }, ...publication, metadata }
  })
  return new ChannelBatch(channel, epoch, publications)
}

/** A service without a core: for what a transport makes of it, whatever it does. */
export class ScriptedService implements Service {
  readonly sessions: ScriptedSession[] = []
  readonly tokens: (string | undefined)[] = []
  /** What was admitted: `connection 127.0.0.1`. */
  readonly admitted: string[] = []
  /** `user channel` of each. */
  readonly rechecked: string[] = []
  readonly #waiting: ((session: ScriptedSession) => void)[] = []

  actor: Actor = { kind: 'user', user: 'ada' }

  async authenticate(token: string | undefined): Promise<Actor> {
    this.tokens.push(token)
    return this.actor
  }

  authenticateNow(): undefined {
    return undefined
  }

  /** Where refresh tokens came from. */
  readonly refreshed: string[] = []

  refresh<T>(address: string, trade: () => Promise<T>): Promise<T> {
    this.refreshed.push(address)
    return trade()
  }

  count: Service['count'] = () => undefined
  checkChannel: Service['checkChannel'] = () => undefined

  admit(address: string, what: 'connection' | 'request'): void {
    this.admitted.push(`${what} ${address}`)
  }

  async recheck(user: string, channel: string): Promise<void> {
    this.rechecked.push(`${user} ${channel}`)
  }

  open(connection: Connection): SessionHandle {
    const session = new ScriptedSession(connection)
    this.sessions.push(session)
    session.say('connection_established', { client_id: session.id })
    // The transport has the session, and has subscribed, when the test gets it.
    queueMicrotask(() => this.#waiting.shift()?.(session))
    return session
  }

  /** The next session that a transport opens. */
  opened(): Promise<ScriptedSession> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  publish: Service['publish'] = async () => {
    throw new Error('not scripted')
  }

  publishMany: Service['publishMany'] = (actor, channels, request) =>
    Promise.allSettled(channels.map((channel) => this.publish(actor, { channel, ...request })))

  history = async (_actor: Actor, _channel: string): Promise<Page> => {
    throw new Error('not scripted')
  }

  call: Service['call'] = async () => {
    throw new Error('not scripted')
  }

  disconnect: Service['disconnect'] = async () => {
    throw new Error('not scripted')
  }
}

export function quietObserver(): Observer {
  const ignore = (): void => undefined
  return {
    connected: ignore,
    disconnected: ignore,
    published: ignore,
    delivered: ignore,
    reset: ignore,
    refused: ignore,
    failed: ignore,
  }
}

/** The HTTP side of a server on a free port, over a scripted service. */
export async function serveScripted(
  clock: Clock,
  options: Partial<HttpApiOptions> = {},
): Promise<{
  url: string
  service: ScriptedService
  failures: unknown[]
  refusals: Refusal[]
  api: ReturnType<typeof createRequestListener>
  close(): Promise<void>
}> {
  const service = new ScriptedService()
  const failures: unknown[] = []
  const refusals: Refusal[] = []
  const observer: Observer = {
    ...quietObserver(),
    refused: (refusal) => void refusals.push(refusal),
    failed: (_, error) => void failures.push(error),
  }
  const api = createRequestListener({
    service,
    clock,
    observer,
    door: new Door({ origins: [], hosts: [], proxies: [], observer }),
    turnstile: new Turnstile({ maxWaiting: 1_000, random: () => 0, observer }),
    frame: DEFAULT_FRAME_LIMITS,
    readiness: () => [],
    ...options,
  })
  const server = http.createServer((request, response) => api.listener(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    service,
    failures,
    refusals,
    api,
    close: () => {
      api.close()
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}
