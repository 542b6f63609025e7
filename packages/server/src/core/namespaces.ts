import { namespaceOf, ProtocolError } from '@tidewire/protocol'
import type { Rule } from './permissions.ts'
import type { Broker } from './ports/broker.ts'
import type { Retention } from './ports/log.ts'

export type Durability = 'none' | 'memory' | 'durable'

/** What rules the channels of a namespace. */
export interface Policy {
  durability: Durability
  publish: Rule
  subscribe: Rule
  history: Rule
  presence: Rule
  /** Whether the hook is asked, too. */
  hook: boolean
  retention: Retention
  /** Milliseconds between two batches of one channel under load; 0: every turn of the event loop. */
  min_flush_interval_ms: number
}

export interface Namespace {
  readonly name: string
  readonly policy: Policy
  readonly broker: Broker
}

export class Namespaces {
  readonly #byName = new Map<string, Namespace>()
  /** The answer of `of` last: one publish asks several times. */
  #lastChannel: unknown
  #last: Namespace | undefined

  add(namespace: Namespace): void {
    this.#byName.set(namespace.name, namespace)
    this.#last = undefined
  }

  /** The namespace of a channel. Throws `bad_envelope` for a bad name, `not_found` for an unknown namespace. */
  of(channel: unknown): Namespace {
    if (this.#last !== undefined && channel === this.#lastChannel) return this.#last
    const name = namespaceOf(channel)
    const namespace = this.#byName.get(name)
    if (namespace === undefined) {
      throw new ProtocolError('not_found', `There is no namespace \`${name}\` on this server.`)
    }
    this.#lastChannel = channel
    this.#last = namespace
    return namespace
  }

  get(name: string): Namespace | undefined {
    return this.#byName.get(name)
  }

  /** Whether some namespace lets in who shows no token. */
  get openToAnyone(): boolean {
    return this.all().some(({ policy }) =>
      [policy.publish, policy.subscribe, policy.history].includes('anyone'),
    )
  }

  all(): Namespace[] {
    return [...this.#byName.values()]
  }
}
