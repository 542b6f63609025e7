import { ProtocolError } from '@tidewire/protocol'
import type { Core } from './core.ts'
import type { Actor } from './ports/actor.ts'
import type { Page } from './ports/broker.ts'
import type { HistoryRequest } from './ports/service.ts'

/** Publications that are asked for where no limit is given. */
export const DEFAULT_LIMIT = 100

/** What is read back of a channel's log because somebody asks for it: over a session, by HTTP, and from features. */
export class History {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /** As `Service.history`, but for the audit log. */
  async page(
    actor: Actor,
    channel: string,
    { limit: asked = DEFAULT_LIMIT, ...bounds }: HistoryRequest,
  ): Promise<Page> {
    const rates = actor.kind === 'server' ? undefined : this.#core.rates
    const limit = rates?.history(asked, actor.user, undefined) ?? asked
    return this.read(actor, channel, { ...bounds, limit })
  }

  /** The same for who counted it already. */
  async read(
    actor: Actor,
    channel: string,
    { epoch, limit, ...bounds }: HistoryRequest & { limit: number },
  ): Promise<Page> {
    const { namespaces, gate, rights } = this.#core
    const namespace = namespaces.of(channel)
    const permission = gate.permit(actor, 'history', channel)
    if (permission !== undefined) await permission
    // Without bounds the newest ones are asked for.
    const newest = bounds.after === undefined && bounds.before === undefined
    const range = { ...(newest ? { before: Number.MAX_SAFE_INTEGER } : bounds), limit }
    const { texts: _, ...page } = await namespace.broker.history(channel, range)
    // Who was revoked meanwhile gets nothing of it.
    rights.check(actor)
    if (epoch !== undefined && epoch !== page.epoch) {
      throw new ProtocolError(
        'conflict',
        `The channel's epoch is \`${page.epoch}\` now: the asked one is gone. Ask without it.`,
      )
    }
    return page
  }
}
