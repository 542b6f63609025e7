import { ProtocolError } from '@tidewire/protocol'
import type { Server } from '../../../server.ts'
import type { PreferenceStore } from '../preferences.ts'
import type { Database } from '../tables.ts'
import type { PushProvider, PushSubscription } from './provider.ts'
import { PushQueue } from './queue.ts'
import { type Subscriber, Subscriptions } from './subscriptions.ts'
import { keptKeys } from './vapid.ts'
import { type VapidKeys, WebPush, type WebPushOptions } from './web-push.ts'

export interface PushOptions {
  /** Web Push; `false`: without it. */
  webPush?: false | (Partial<Omit<WebPushOptions, 'keys'>> & { keys?: VapidKeys }) | undefined
  /** Further ways to reach users. */
  providers?: readonly PushProvider[] | undefined
  /** Milliseconds that a user who is connected gets to read a notification before it is pushed. Default 30,000. */
  unreadAfterMs?: number | undefined
  /** Milliseconds of the first wait after a push failed; each is five times as long as the one before. Default 1,000. */
  retryMs?: number | undefined
}

const UNREAD_AFTER_MS = 30_000
/** A page that is loaded again, or a poll that was answered, comes back within this. */
const AWAY_MS = 15_000
const MAX_LEFT = 10_000
const SUBJECT = 'mailto:webpush@example.com'

/** Everything about reaching users who do not look. */
export class Push {
  readonly #server: Server
  readonly #options: PushOptions
  readonly #subscriptions: Subscriptions
  readonly #providers: ReadonlyMap<string, PushProvider>
  readonly #queue: PushQueue
  /** When users left, oldest first. */
  readonly #left = new Map<string, number>()
  /** What browsers subscribe with; undefined without Web Push. */
  readonly publicKey: string | undefined

  static async start(
    server: Server,
    database: Database,
    preferences: PreferenceStore,
    options: PushOptions,
  ): Promise<Push> {
    const { webPush = {} } = options
    const keys = webPush === false ? undefined : (webPush.keys ?? (await keptKeys(database)))
    const push = new Push(server, database, preferences, options, keys)
    await push.#subscriptions.load()
    push.#queue.wake()
    return push
  }

  private constructor(
    server: Server,
    database: Database,
    preferences: PreferenceStore,
    options: PushOptions,
    keys: VapidKeys | undefined,
  ) {
    this.#server = server
    this.#options = options
    this.#subscriptions = new Subscriptions(database)
    this.#providers = new Map(
      providersOf(server, options, keys).map((provider) => [provider.name, provider]),
    )
    this.publicKey = keys?.publicKey
    this.#queue = new PushQueue({
      database,
      preferences,
      subscriptions: this.#subscriptions,
      providers: this.#providers,
      clock: server.clock,
      random: Math.random,
      isRevoked: (actor) => server.isRevoked(actor),
      firstBackOffMs: options.retryMs,
      onError: (error) => server.failed('notifications.push', error),
    })
    server.on('disconnected', ({ user }) => this.#leave(user))
    server.watchRevocations(async ({ target }) => {
      if (this.#subscriptions.any) await this.#subscriptions.endOf(target)
    })
  }

  /** When somebody is pushed what came at `at`, if it is not read by then; undefined when nobody is. */
  at(user: string, at: number): number | undefined {
    if (!this.#subscriptions.any) return undefined
    return this.#isHere(user) ? at + (this.#options.unreadAfterMs ?? UNREAD_AFTER_MS) : at
  }

  /** There may be something to push. */
  wake(): void {
    if (this.#subscriptions.any) this.#queue.wake()
  }

  /** Rejects with `bad_envelope` for what no provider takes. */
  async subscribe(subscriber: Subscriber, subscription: PushSubscription): Promise<void> {
    const provider = this.#providers.get(subscription.provider)
    if (provider === undefined) {
      const names = [...this.#providers.keys()].join(', ') || 'none'
      throw new ProtocolError(
        'bad_envelope',
        `\`provider\` is not one that this server has: ${names}.`,
      )
    }
    provider.check?.(subscription)
    // Its body may have come long after its token was looked at.
    if (this.#server.isRevoked(subscriber)) throw revoked()
    await this.#subscriptions.add(subscriber, subscription, this.#server.clock.now())
    if (!this.#server.isRevoked(subscriber)) return
    // While it was kept, and perhaps before it could be found.
    await this.#subscriptions.remove(subscriber.user, subscription.endpoint)
    throw revoked()
  }

  /** True when there was one. */
  unsubscribe(user: string, endpoint: string): Promise<boolean> {
    return this.#subscriptions.remove(user, endpoint)
  }

  close(): Promise<void> {
    return this.#queue.close()
  }

  #isHere(user: string): boolean {
    if (this.#server.clients(user).length > 0) return true
    const left = this.#left.get(user)
    return left !== undefined && this.#server.clock.steady() - left < AWAY_MS
  }

  #leave(user: string | undefined): void {
    if (user === undefined || !this.#subscriptions.any) return
    this.#left.delete(user)
    const [oldest] = this.#left.keys()
    if (this.#left.size >= MAX_LEFT && oldest !== undefined) this.#left.delete(oldest)
    this.#left.set(user, this.#server.clock.steady())
  }
}

function revoked(): ProtocolError {
  return new ProtocolError('authentication_failed', 'The token was revoked.')
}

function providersOf(
  server: Server,
  { webPush = {}, providers = [] }: PushOptions,
  keys: VapidKeys | undefined,
): PushProvider[] {
  if (webPush === false || keys === undefined) return [...providers]
  return [new WebPush({ subject: SUBJECT, ...webPush, keys }, server), ...providers]
}
