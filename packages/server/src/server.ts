import type http from 'node:http'
import type { Envelope, JsonObject, Publication } from '@tidewire/protocol'
import { type Config, type Policy, type PolicyInput, resolvePolicy } from './config/resolve.ts'
import type { CallResult } from './core/calls.ts'
import type { Command, Core } from './core/core.ts'
import { boundFrame } from './core/frame-size.ts'
import type { Actor } from './core/ports/actor.ts'
import type { Broker, Receipt } from './core/ports/broker.ts'
import type { MemberStore } from './core/ports/members.ts'
import type { Target } from './core/ports/revocations.ts'
import {
  attachTo,
  closeServer,
  createHttpServer,
  type HttpHandlers,
  listenOn,
} from './http-server.ts'
import type { OpsServer } from './observe/ops-server.ts'
import { ownEnvelope, ownJson, ownPayload } from './own-json.ts'
import type { Certificate } from './tls.ts'
import type { HttpApi } from './transports/http-api.ts'

/** What a server is made of; `compose.ts` chooses the parts. */
export interface Parts {
  config: Config
  core: Core
  members: MemberStore
  /** Brings back what the server kept. Before the first connection. */
  start: () => Promise<void>
  brokerOf: (namespace: string, policy: Policy) => Promise<Broker>
  handlers: HttpHandlers
  /** With it the public port speaks TLS. */
  certificate: Certificate | undefined
  route: HttpApi['route']
  ops: OpsServer
  /** Resolves when no WebSocket connection is left. */
  idle: () => Promise<void>
  /** Ends by force the connections that did not say goodbye. */
  cut: () => void
  close: () => Promise<void>
}

export interface PublishInput {
  type: string
  payload: JsonObject
  /** Identity of the message: publishing it again is answered with the first receipt. Made when absent. */
  message_id?: string
}

/** A frame of a custom type. */
export interface CommandRequest {
  payload: JsonObject
  /** Undefined for clients that showed no token. */
  user: string | undefined
  client_id: string
}

export interface CommandAnswer {
  type: string
  payload: JsonObject
}

/** The answer, or nothing. A thrown `ProtocolError` becomes an `error` frame. */
export type CommandHandler = (
  request: CommandRequest,
) => CommandAnswer | undefined | Promise<CommandAnswer | undefined>

export interface Addresses {
  /** `http://host:port` of the public port; `https://` with a certificate. */
  url: string
  /** `http://host:port` of metrics and health; absent when `ops.port` is null. */
  opsUrl?: string
}

/** Who acts when the application itself does. */
export const SERVER: Actor = { kind: 'server' }
const CALL_TIMEOUT_MS = 5_000
/** For requests, beside the connections that stay. */
const SPARE_SOCKETS = 1_000
/** Over how long clients are spread when a server that stops sends them away. */
const RECONNECT_SPREAD_MS = 2_000

/** What users of the library and features hold. Whatever is done through it has the rights of a server key. */
export class Server {
  readonly #parts: Parts
  readonly #policies: Map<string, Policy>
  #started: Promise<void> | undefined
  #closed: Promise<void> | undefined
  #listening: http.Server | undefined
  #detach: (() => void)[] = []

  constructor(parts: Parts) {
    this.#parts = parts
    this.#policies = new Map(Object.entries(parts.config.namespaces))
  }

  /** Adds a namespace, or replaces one of the configuration. Only before `listen` and `attach`. Throws `ConfigError`. */
  namespace(name: string, policy: PolicyInput = {}): void {
    if (this.#started !== undefined) throw new Error('Add namespaces before the server listens.')
    this.#policies.set(name, resolvePolicy(name, policy))
  }

  /** A type that clients may send, beside those of the protocol. Throws when the type is taken. */
  command(type: string, handler: CommandHandler): void {
    const command: Command = ({ user, id }, { payload }) => {
      const answer = handler({ payload, user, client_id: id })
      if (answer instanceof Promise) return answer.then((later) => this.#ownAnswer(type, later))
      return this.#ownAnswer(type, answer)
    }
    this.#parts.core.addCommand(type, command)
  }

  /** An HTTP route on the public port, such as `('POST', '/v1/orders/:id', handler)`. The handler gets the actor. */
  route(...route: Parameters<HttpApi['route']>): void {
    this.#parts.route(...route)
  }

  /**
   * Resolves when the channel's log holds the publication. The payload is copied. Rejects with `ProtocolError`:
   * `bad_envelope` for a payload that is no JSON object, `message_too_large` for one that fits in no frame.
   */
  async publish(channel: string, message: PublishInput): Promise<Receipt & { message_id: string }> {
    const { core, config } = this.#parts
    const payload = ownPayload(message.payload, config.limits)
    return core.publish(SERVER, { channel, ...message, payload })
  }

  /**
   * Calls `listener` for each publication of a channel, or of all that match `namespace:prefix*`, from now on; the
   * result ends it. What the listener throws is logged and reaches nobody else.
   */
  subscribe(
    pattern: string,
    listener: (publication: Publication) => void | Promise<void>,
  ): () => void {
    return this.#parts.core.tap(pattern, listener)
  }

  /**
   * Asks the user's clients; the first answer counts. Rejects with `not_found` when none is connected, and with
   * `unavailable` when none answers within `timeoutMs` (5 s). `args` are JSON and are bounded as a payload is.
   */
  async call(
    user: string,
    method: string,
    args: unknown,
    { timeoutMs = CALL_TIMEOUT_MS }: { timeoutMs?: number } = {},
  ): Promise<CallResult> {
    const { core, config } = this.#parts
    const owned = ownPayload({ args: ownJson(args ?? null) }, config.limits)
    return core.call(SERVER, user, method, owned['args'], timeoutMs)
  }

  /** Makes the user a member of the channel, as the rule `member` asks. True when it was none before. */
  addMember(channel: string, user: string): Promise<boolean> {
    this.#parts.core.namespaces.of(channel)
    return this.#parts.members.add(channel, user)
  }

  /** Ends the membership, and with it the subscriptions that stood on it. True when the user was a member. */
  async removeMember(channel: string, user: string): Promise<boolean> {
    const { core, members } = this.#parts
    const removed = await members.remove(channel, user)
    await core.recheck(user, channel)
    return removed
  }

  /** The members of a channel, in the order of their ids: at most `limit` (100) after the user `after`. */
  members(
    channel: string,
    { after, limit = 100 }: { after?: string; limit?: number } = {},
  ): Promise<readonly string[]> {
    return this.#parts.members.list(channel, { limit, ...(after === undefined ? {} : { after }) })
  }

  /**
   * Ends the live connections of a user, a token (`jti`), a login (`sid`) or a server key; with `revoke`, what was issued
   * until now stays refused, also after a restart. Resolves with how many connections ended.
   */
  disconnect(target: Target, { revoke = false }: { revoke?: boolean } = {}): Promise<number> {
    return this.#parts.core.disconnect(SERVER, target, { revoke })
  }

  /**
   * Listens on the configured ports. Rejects with what the system says, such as `EADDRINUSE`, or `StorageError`; the
   * server is closed then.
   */
  async listen(): Promise<Addresses> {
    try {
      return await this.#listen()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Serves the paths of the protocol on an application's server, which keeps all others. */
  async attach(server: http.Server): Promise<void> {
    await this.#start()
    this.#detach.push(attachTo(server, this.#parts.handlers))
  }

  /** Answers what was accepted, tells clients when to come back, and resolves when everything is closed. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  // A bad answer is the application's fault: the client learns that something failed, the log learns what.
  #ownAnswer(command: string, answer: CommandAnswer | undefined): Envelope | undefined {
    if (answer === undefined) return undefined
    const { limits } = this.#parts.config
    try {
      const owned = ownEnvelope(answer.type, answer.payload, limits)
      boundFrame(owned, limits.max_frame_bytes)
      return owned
    } catch (cause) {
      throw new Error(`The answer of the command \`${command}\` can be no frame.`, { cause })
    }
  }

  async #listen(): Promise<Addresses> {
    const { config, handlers, certificate, ops } = this.#parts
    const { max_connections, max_waiting } = config.limits
    await this.#start()
    this.#listening = createHttpServer(handlers, {
      certificate,
      maxConnections: max_connections + max_waiting + SPARE_SOCKETS,
    })
    const url = await listenOn(this.#listening, config.host, config.port)
    if (config.ops.port === null) return { url }
    return { url, opsUrl: await ops.listen({ host: config.ops.host, port: config.ops.port }) }
  }

  #start(): Promise<void> {
    this.#started ??= this.#addNamespaces()
    return this.#started
  }

  async #addNamespaces(): Promise<void> {
    const { core, brokerOf, start } = this.#parts
    await start()
    for (const [name, policy] of this.#policies) {
      await core.addNamespace({ name, policy, broker: await brokerOf(name, policy) })
    }
  }

  async #close(): Promise<void> {
    const { core, ops, config, idle, cut } = this.#parts
    for (const detach of this.#detach) detach()
    const closed = this.#listening && closeServer(this.#listening, config.shutdown_ms, cut)
    await core.stop(RECONNECT_SPREAD_MS)
    await closed
    // On an application's server, which stays open, nothing but this waits for the goodbyes.
    await within(config.shutdown_ms, idle())
    cut()
    await this.#parts.close()
    await ops.close()
  }
}

async function within(ms: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const passed = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  await Promise.race([done, passed])
  clearTimeout(timer)
}
