import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import { type Client, type Frame, tokenGrants } from '../../client.ts'
import type { CommandRequest, RouteHandler } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { ABOUT } from './about.ts'
import { Delay } from './delay.ts'
import { LastSeen } from './last-seen.ts'
import { check, checkPayload, statusBody, statusUsers } from './schemas.ts'

export interface UserStatusOptions {
  graceMs: number
  /** Whether a user may know the status of another: with `false` it looks as that of a user who never was there. */
  seesStatus: (viewer: string, user: string) => boolean | Promise<boolean>
}

interface Status {
  status: 'online' | 'offline'
  /** ISO 8601; null for who never was there. */
  last_seen: string | null
}

/**
 * PROTOCOL.md §5, users. Online is who has a connection of any kind, or had one within the grace. A token that lists
 * channels has to grant `presence` on `user:<id>`.
 */
export class UserStatus {
  readonly #server: Server
  readonly #options: UserStatusOptions
  readonly #connections = new Map<string, number>()
  readonly #grace: Delay<string>
  readonly #watchers = new Map<string, Set<Client>>()
  readonly #watched = new Map<Client, readonly string[]>()
  #lastSeen!: LastSeen

  private constructor(server: Server, options: UserStatusOptions) {
    this.#server = server
    this.#options = options
    this.#grace = new Delay(server.clock, options.graceMs, (user) => void this.#offline(user))
  }

  static async start(server: Server, options: UserStatusOptions): Promise<UserStatus> {
    const status = new UserStatus(server, options)
    status.#lastSeen = await LastSeen.open(server, () => status.#connections.size)
    server.on('connected', (client) => status.#connected(client))
    server.on('disconnected', (client) => status.#disconnected(client))
    server.command('status_get', (request) => status.#get(request))
    server.command('status_watch', (request) => status.#watch(request))
    const post: RouteHandler = async ({ request, actor }) => {
      const body = await request.json().catch(() => undefined)
      const { users } = check('The body', statusBody, body)
      const granted = users.every((user) => tokenGrants(actor, 'presence', `user:${user}`))
      if (!granted || (actor.kind !== 'server' && actor.user === undefined)) throw forbidden()
      const seen = actor.kind === 'server' ? users : await status.#seenBy(actor.user, users)
      return Response.json({ users: await status.#of(users, seen) })
    }
    server.route('POST', '/v1/users/status', post, { about: ABOUT.status })
    return status
  }

  /** Whoever is connected now was seen now. */
  close(): Promise<void> {
    this.#grace.close()
    for (const user of this.#connections.keys()) this.#lastSeen.note(user, false)
    return this.#lastSeen.close()
  }

  #isOnline(user: string): boolean {
    return this.#connections.has(user) || this.#grace.has(user)
  }

  #connected({ user }: Client): void {
    if (user === undefined) return
    const wasOnline = this.#isOnline(user)
    const count = (this.#connections.get(user) ?? 0) + 1
    this.#connections.set(user, count)
    this.#grace.delete(user)
    if (count === 1) this.#lastSeen.note(user, true)
    if (!wasOnline) this.#tell(user, { status: 'online', last_seen: this.#now() })
  }

  #disconnected(client: Client): void {
    this.#unwatch(client)
    const { user } = client
    if (user === undefined) return
    const count = (this.#connections.get(user) ?? 0) - 1
    if (count > 0) return void this.#connections.set(user, count)
    this.#connections.delete(user)
    this.#lastSeen.note(user, false)
    this.#grace.add(user)
  }

  async #offline(user: string): Promise<void> {
    if (!this.#watchers.has(user)) return
    try {
      const { [user]: status } = await this.#of([user], [user])
      if (!this.#isOnline(user)) this.#tell(user, status!)
    } catch (error) {
      this.#server.failed('presence', error)
    }
  }

  #tell(user: string, status: Status): void {
    const watchers = this.#watchers.get(user)
    if (watchers === undefined) return
    this.#server.send([...watchers], { type: 'status_update', payload: { user, ...status } })
  }

  async #get({ payload, client }: CommandRequest): Promise<Frame> {
    const { users } = checkPayload('status_get', statusUsers, payload)
    return this.#state(users, await this.#visible(client, users))
  }

  /** Instead of those that the client watched before. Told of a change while it is answered: the answer is as new. */
  async #watch({ payload, client }: CommandRequest): Promise<Frame> {
    const { users } = checkPayload('status_watch', statusUsers, payload)
    const visible = await this.#visible(client, users)
    this.#unwatch(client)
    if (client.isConnected && visible.length > 0) {
      this.#watched.set(client, visible)
      for (const user of visible) {
        const watchers = this.#watchers.get(user)
        if (watchers === undefined) this.#watchers.set(user, new Set([client]))
        else watchers.add(client)
      }
    }
    return this.#state(users, visible)
  }

  #unwatch(client: Client): void {
    for (const user of this.#watched.get(client) ?? []) {
      const watchers = this.#watchers.get(user)
      if (watchers?.delete(client) && watchers.size === 0) this.#watchers.delete(user)
    }
    this.#watched.delete(client)
  }

  async #state(users: readonly string[], visible: readonly string[]): Promise<Frame> {
    return { type: 'status_state', payload: { users: await this.#of(users, visible) } }
  }

  /** Whose status the client may know. Throws `forbidden`. */
  async #visible(client: Client, users: readonly string[]): Promise<readonly string[]> {
    const granted = users.every((user) => client.grants('presence', `user:${user}`))
    if (client.user === undefined || !granted) throw forbidden()
    return this.#seenBy(client.user, users)
  }

  async #seenBy(viewer: string | undefined, users: readonly string[]): Promise<readonly string[]> {
    const { seesStatus } = this.#options
    const sees = await Promise.all(users.map(async (user) => seesStatus(viewer ?? '', user)))
    return [...new Set(users.filter((_, i) => sees[i] === true))]
  }

  /** The status of each of the users; of those that are not visible as if they never had been there. */
  async #of(
    users: readonly string[],
    visible: readonly string[],
  ): Promise<Record<string, Status & JsonObject>> {
    const seen = await this.#lastSeen.of(visible.filter((user) => !this.#connections.has(user)))
    const isVisible = new Set(visible)
    return Object.fromEntries(
      users.map((user): [string, Status & JsonObject] => {
        // After the wait: who came meanwhile is online.
        if (isVisible.has(user) && this.#connections.has(user)) {
          return [user, { status: 'online', last_seen: this.#now() }]
        }
        return [user, this.#absent(isVisible.has(user) && this.#grace.has(user), seen.get(user))]
      }),
    )
  }

  #absent(inGrace: boolean, at: number | undefined): Status & JsonObject {
    const last_seen = at === undefined ? null : new Date(at).toISOString()
    if (inGrace) return { status: 'online', last_seen: last_seen ?? this.#now() }
    return { status: 'offline', last_seen }
  }

  #now(): string {
    return new Date(this.#server.clock.now()).toISOString()
  }
}

function forbidden(): ProtocolError {
  return new ProtocolError(
    'forbidden',
    'You may not know the status of these users: a token that lists channels has to grant `presence` on `user:<id>`.',
  )
}
