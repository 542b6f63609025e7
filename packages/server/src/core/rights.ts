import type { Core } from './core.ts'
import type { Actor } from './ports/actor.ts'
import type { RefreshTokenStore } from './ports/refresh-tokens.ts'
import type { Revocation, RevocationStore, Target } from './ports/revocations.ts'
import { recheck, revalidateAll } from './revalidation.ts'
import { isTarget, revoked, Revocations } from './revocations.ts'
import type { Session } from './session.ts'

export interface RightsOptions {
  /** Without it revocations are forgotten at a restart. */
  revocations: RevocationStore | undefined
  /** Without it there are no logins to end. */
  refreshTokens: Pick<RefreshTokenStore, 'end'> | undefined
  /** How often the rights of open sessions are looked at again. */
  revalidateMs: number
}

export type RevocationListener = (revocation: Revocation) => void | Promise<void>

/** Rights that end while somebody is connected: revoked tokens, members that were removed, hooks that change their mind. */
export class Rights {
  readonly #core: Core
  readonly #options: RightsOptions
  readonly #revocations = new Revocations()
  readonly #listeners = new Set<RevocationListener>()
  #cancel: (() => void) | undefined
  #stopped = false

  constructor(core: Core, options: RightsOptions) {
    this.#core = core
    this.#options = options
    this.#revalidate()
  }

  /** Who was revoked in an earlier life stays out. Before the first connection. */
  async load(): Promise<void> {
    const kept = await this.#options.revocations?.all()
    for (const revocation of kept ?? []) this.#revocations.add(revocation)
  }

  /** Throws `authentication_failed` for who was revoked. */
  check(actor: Actor): void {
    this.#revocations.check(actor)
  }

  isRevoked(actor: Actor): boolean {
    return this.#revocations.has(actor)
  }

  /** Calls `listener` after each revocation, whose maker waits for it; the result ends it. What it throws reaches nobody else. */
  watch(listener: RevocationListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The user's rights in the channel may have changed: open subscriptions are looked at again at once. */
  async recheck(user: string, channel: string): Promise<void> {
    this.#core.gate.forget(user)
    const rechecks = this.#core.sessions.of(user).flatMap((session) => {
      const subscription = session.subscriptions.get(channel)
      return subscription === undefined ? [] : [recheck(this.#core, session, subscription)]
    })
    await Promise.all(rechecks)
  }

  /** The same of everybody's rights in the channel. */
  async recheckAll(channel: string): Promise<void> {
    const users = new Set<string>()
    const rechecks = this.#core.sessions.all().flatMap((session) => {
      const subscription = session.subscriptions.get(channel)
      if (subscription === undefined) return []
      if (session.user !== undefined) users.add(session.user)
      return [{ session, subscription }]
    })
    for (const user of users) this.#core.gate.forget(user)
    await Promise.all(
      rechecks.map(({ session, subscription }) => recheck(this.#core, session, subscription)),
    )
  }

  /** As `Service.disconnect`, for whoever is allowed to. */
  async disconnect(target: Target, { revoke }: { revoke: boolean }): Promise<number> {
    if (!revoke) return this.#end(target, (session) => session.leave(1000, 'disconnected'))
    // The sessions end now, however long the store takes.
    const [ended, after] = await Promise.allSettled([this.revoke(target), this.#endLogins(target)])
    if (ended.status === 'rejected') throw ended.reason
    if (after.status === 'rejected') throw after.reason
    return ended.value + after.value
  }

  /** The same with `revoke`, for who ends the logins itself: sessions end before it returns. */
  async revoke(target: Target): Promise<number> {
    const revocation = { target, at: this.#core.clock.now() }
    this.#revocations.add(revocation)
    const ended = this.#end(target, (session) => session.end(revoked()))
    // Also when the store fails: it counts in this life.
    await Promise.all([this.#options.revocations?.add(revocation), this.#tell(revocation)])
    return ended
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }

  /** Resolves with how many sessions ended after it. */
  async #endLogins(target: Target): Promise<number> {
    const { refreshTokens } = this.#options
    if (refreshTokens === undefined || !('user' in target || 'session' in target)) return 0
    await refreshTokens.end(target)
    // What was made of a user's refresh token before that ended may be newer than the revocation. A login stays refused.
    return 'user' in target ? this.revoke(target) : 0
  }

  async #tell(revocation: Revocation): Promise<void> {
    const tell = async (listener: RevocationListener): Promise<void> => {
      try {
        await listener(revocation)
      } catch (error) {
        this.#core.observer.failed('revocation', error)
      }
    }
    await Promise.all([...this.#listeners].map(tell))
  }

  #end(target: Target, end: (session: Session) => void): number {
    const { sessions, gate } = this.#core
    if ('user' in target) gate.forget(target.user)
    const ended =
      'user' in target
        ? sessions.of(target.user)
        : sessions.all().filter(({ actor }) => isTarget(actor, target))
    for (const session of ended) end(session)
    return ended.length
  }

  #revalidate(): void {
    if (this.#stopped) return
    this.#cancel = this.#core.clock.after(this.#options.revalidateMs, () => {
      revalidateAll(this.#core)
        .catch((error: unknown) => this.#core.observer.failed('revalidation', error))
        .finally(() => this.#revalidate())
    })
  }
}
