import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import type { Client, Frame } from '../../client.ts'
import type { CommandHandler, CommandRequest, RouteHandler } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { ABOUT } from './about.ts'
import { Pushes } from './pushes.ts'
import { type Member, Roster } from './roster.ts'
import {
  boundData,
  check,
  checkPayload,
  presenceEnter,
  presenceGet,
  presenceLeave,
  presenceQuery,
  presenceUpdate,
} from './schemas.ts'

export interface ChannelPresenceOptions {
  graceMs: number
  maxMembers: number
  /** How often the rights of those who are told are looked at again. */
  revalidateMs: number
}

/** Channels that a client may be present in. */
const MAX_CHANNELS = 128
const DEFAULT_LIMIT = 500
/** Of one `presence_state`. */
const MAX_PAGE_BYTES = 60 * 1024
/** Rights that are looked at together; the next ones wait for their answers. */
const SLICE = 100

/**
 * PROTOCOL.md §5, channels. Entering and seeing need the right `presence`; entering a subscription, too, which it ends
 * with. Whoever is subscribed and may see it is told of changes.
 */
export class ChannelPresence {
  readonly #server: Server
  readonly #options: ChannelPresenceOptions
  readonly #roster: Roster
  readonly #pushes: Pushes
  /** The last command of each client: they take effect in the order in which they came. */
  readonly #last = new WeakMap<Client, Promise<unknown>>()
  #cancel: (() => void) | undefined
  #closed = false

  constructor(server: Server, options: ChannelPresenceOptions) {
    this.#server = server
    this.#options = options
    this.#roster = new Roster({
      clock: server.clock,
      graceMs: options.graceMs,
      maxMembers: options.maxMembers,
      maxChannels: MAX_CHANNELS,
      onChange: (channel, user, before) => this.#pushes.changed(channel, user, before),
    })
    this.#pushes = new Pushes(server, this.#roster)
    server.command('presence_enter', this.#inOrder(this.#enter))
    server.command('presence_update', this.#inOrder(this.#update))
    server.command('presence_leave', this.#inOrder(this.#leave))
    server.command('presence_get', this.#inOrder(this.#get))
    server.on('subscribed', (client, channel) => void this.#subscribed(client, channel))
    server.on('unsubscribed', (client, channel, error) =>
      this.#unsubscribed(client, channel, error),
    )
    this.#addRoute()
    this.#revalidateLater()
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
    this.#pushes.close()
    this.#roster.close()
  }

  readonly #enter = async ({ payload, client }: CommandRequest): Promise<Frame> => {
    const { channel, data } = checkPayload('presence_enter', presenceEnter, payload)
    boundData(data)
    await this.#permit(client, channel)
    if (client.user === undefined) {
      throw new ProtocolError('forbidden', 'Only users can be present: use the token of one.')
    }
    if (!client.isSubscribed(channel)) {
      throw new ProtocolError('conflict', `Subscribe to \`${channel}\` before you enter it.`)
    }
    // First: it is told of itself, too.
    this.#pushes.watch(channel, client)
    this.#roster.enter(channel, client.user, client, data)
    return ack(channel)
  }

  readonly #update = ({ payload, client }: CommandRequest): Frame => {
    const { channel, data } = checkPayload('presence_update', presenceUpdate, payload)
    boundData(data)
    this.#roster.update(channel, client.user ?? '', client, data)
    return ack(channel)
  }

  readonly #leave = ({ payload, client }: CommandRequest): Frame => {
    const { channel } = checkPayload('presence_leave', presenceLeave, payload)
    if (client.user !== undefined) this.#roster.leave(channel, client.user, client)
    return ack(channel)
  }

  readonly #get = async ({ payload, client, message_id }: CommandRequest): Promise<undefined> => {
    const { channel, ...page } = checkPayload('presence_get', presenceGet, payload)
    await this.#permit(client, channel)
    if (client.isSubscribed(channel)) {
      if (page.limit !== 0) this.#pushes.watch(channel, client)
      // Also for the number alone, which is told with changes.
      this.#pushes.listed(channel)
    }
    // By hand: an answer that the server looks through may have as many keys as a publish.
    client.send({ type: 'presence_state', payload: this.#state(channel, page) }, message_id)
  }

  #state(
    channel: string,
    { after, limit = DEFAULT_LIMIT }: { after?: string | undefined; limit?: number | undefined },
  ): JsonObject {
    const page = this.#roster.page(channel, { after, limit, maxBytes: MAX_PAGE_BYTES })
    return { channel, ...page, members: page.members.map(toJson) }
  }

  #addRoute(): void {
    const get: RouteHandler = async ({ request, actor, params }) => {
      const { channel } = check('The path', presenceLeave, { channel: params['channel'] })
      const query = Object.fromEntries(new URL(request.url).searchParams)
      const page = check('The query', presenceQuery, query)
      if (!(await this.#server.permits(actor, 'presence', channel))) throw forbidden(channel)
      return Response.json(this.#state(channel, page))
    }
    this.#server.route('GET', '/v1/channels/:channel/presence', get, { about: ABOUT.channel })
  }

  async #permit(client: Client, channel: string): Promise<void> {
    if (!(await client.permits('presence', channel))) throw forbidden(channel)
  }

  async #subscribed(client: Client, channel: string): Promise<void> {
    // A poll is gone before anything changes.
    if (client.transport === 'poll') return
    const permitted = await client.permits('presence', channel).catch(() => false)
    if (permitted && client.isSubscribed(channel)) this.#pushes.watch(channel, client)
  }

  /** A subscription that the server ended for good ends a right; any other end may be followed by a return. */
  #unsubscribed(client: Client, channel: string, error: ProtocolError | undefined): void {
    this.#pushes.unwatch(channel, client)
    if (client.user === undefined) return
    if (error?.temporary === false) this.#roster.leave(channel, client.user, client)
    else this.#roster.lose(channel, client.user, client)
  }

  #inOrder(run: (request: CommandRequest) => Frame | Promise<Frame | undefined>): CommandHandler {
    return (request) => {
      const before = this.#last.get(request.client) ?? Promise.resolve()
      const answer = before.then(() => run(request))
      this.#last.set(
        request.client,
        answer.catch(() => undefined),
      )
      return answer
    }
  }

  #revalidateLater(): void {
    if (this.#closed) return
    this.#cancel = this.#server.clock.after(this.#options.revalidateMs, () => {
      this.#revalidate()
        .catch((error: unknown) => this.#server.failed('presence', error))
        .finally(() => this.#revalidateLater())
    })
  }

  /** Rights can end while the subscription stays: another token, a rule or a hook that says no by now. */
  async #revalidate(): Promise<void> {
    const { watched } = this.#pushes
    for (let i = 0; i < watched.length && !this.#closed; i += SLICE) {
      await Promise.all(
        watched.slice(i, i + SLICE).map(([channel, client]) => this.#recheck(channel, client)),
      )
      await new Promise<void>((resolve) => this.#server.clock.endOfTurn(resolve))
    }
  }

  async #recheck(channel: string, client: Client): Promise<void> {
    // Nobody can tell: what was allowed stays, as long as the subscription does.
    const permitted = await client.permits('presence', channel).catch(() => true)
    if (permitted) return
    this.#pushes.unwatch(channel, client)
    if (client.user !== undefined) this.#roster.leave(channel, client.user, client)
    client.send({ type: 'error', payload: { ...forbidden(channel).toPayload() } })
  }
}

function ack(channel: string): Frame {
  return { type: 'ack', payload: { channel } }
}

function toJson({ user, data, clients, since }: Member): JsonObject {
  return { user, data, clients, since: new Date(since).toISOString() }
}

function forbidden(channel: string): ProtocolError {
  return new ProtocolError('forbidden', `You may not see who is present in \`${channel}\`.`)
}
