import type { JsonObject, Publication } from '@tidewire/protocol'
import type { Actor } from './ports/actor.ts'
import type { Receipt } from './ports/broker.ts'

/** What an interceptor answers when the channel has it already: nothing is published, and this is where it stands. */
export class AlreadyHeld {
  readonly receipt: Receipt

  constructor(position: { epoch: string | undefined; offset: number }) {
    const { epoch, offset } = position
    this.receipt = { ...(epoch === undefined ? {} : { epoch }), offset, duplicate: true }
  }
}

/**
 * Looks at a publication that its publisher may publish, before it gets its place in the channel. Returns the payload to
 * publish instead, or nothing; throws or rejects with `ProtocolError` to refuse it.
 */
export type Interceptor = (draft: Publication, actor: Actor) => Intercept | Promise<Intercept>

export type Intercept = JsonObject | AlreadyHeld | undefined

/** The interceptors of each namespace, in the order in which they were added. */
export class Interceptors {
  readonly #byNamespace = new Map<string, Interceptor[]>()

  add(namespace: string, interceptor: Interceptor): void {
    const interceptors = this.#byNamespace.get(namespace)
    if (interceptors === undefined) this.#byNamespace.set(namespace, [interceptor])
    else interceptors.push(interceptor)
  }

  has(namespace: string): boolean {
    return this.#byNamespace.has(namespace)
  }

  /** The draft as it may be published. */
  async pass(
    namespace: string,
    draft: Publication,
    actor: Actor,
  ): Promise<Publication | AlreadyHeld> {
    let passed = draft
    for (const interceptor of this.#byNamespace.get(namespace) ?? []) {
      const payload = await interceptor(passed, actor)
      if (payload instanceof AlreadyHeld) return payload
      if (payload !== undefined) passed = { ...passed, payload }
    }
    return passed
  }
}
