import { ProtocolError } from '@tidewire/protocol'
import type { Namespace, Namespaces } from './namespaces.ts'
import { forbidden, owns, ruleOf } from './permissions.ts'
import type { Actor } from './ports/actor.ts'
import type { Authorizer, Question } from './ports/authorizer.ts'
import { type Action, grants } from './ports/capabilities.ts'
import type { Members } from './ports/members.ts'

export interface GateOptions {
  namespaces: Namespaces
  members: Members
  /** Asked for the namespaces that have `hook`. */
  hook: Authorizer | undefined
  /** Asked for every namespace. */
  callback: Authorizer | undefined
  /** One of them failed with what is no answer. */
  onError: (error: unknown) => void
}

/**
 * May somebody do something in a channel? First the token's `channels`, or else the namespace's rule; then the guards of
 * features, the hook of the namespace and the application's callback. Each of them can only refuse what the one before
 * allowed. The same for live delivery, history and recovery, over every transport.
 */
export class Gate {
  readonly #options: GateOptions
  readonly #guards = new Map<string, Authorizer[]>()

  constructor(options: GateOptions) {
    this.#options = options
  }

  /** Asks one more for the channels of the namespace, before the hook and the application. */
  guard(namespace: string, guard: Authorizer): void {
    this.#guards.set(namespace, [...(this.#guards.get(namespace) ?? []), guard])
  }

  /**
   * Undefined: yes, as is known at once. Throws or rejects with `forbidden` or `authentication_required`, and with
   * `unavailable` when somebody who was asked failed.
   */
  permit(actor: Actor, action: Action, channel: string): Promise<void> | undefined {
    const allowed = this.allows(actor, action, channel)
    if (allowed === true) return undefined
    const refuse = (): never => {
      throw forbidden(actor, action, channel, ruleOf(this.#namespace(channel), action))
    }
    if (allowed === false) return refuse()
    return allowed.then((later) => (later ? undefined : refuse()))
  }

  /** As `permit`, as an answer. Throws `bad_envelope` and `not_found` for what is no channel. */
  allows(actor: Actor, action: Action, channel: string): boolean | Promise<boolean> {
    const namespace = this.#namespace(channel)
    if (actor.kind === 'server') return true
    try {
      const allowed = this.#ask({ actor, action, channel }, namespace)
      return typeof allowed === 'boolean' ? allowed : allowed.catch(this.#failed)
    } catch (error) {
      return this.#failed(error)
    }
  }

  /** Whether the answer for a user can change although the token stays the same. */
  isChangeable({ actor, action, channel }: Question): boolean {
    const namespace = this.#namespace(channel)
    if (actor.kind === 'server') return false
    const byMembers = actor.channels === undefined && ruleOf(namespace, action) === 'member'
    return byMembers || this.#isAsked(namespace)
  }

  /** What is remembered of the user counts no longer. */
  forget(user: string): void {
    this.#options.hook?.forget?.(user)
    this.#options.callback?.forget?.(user)
  }

  /** Nobody can tell: nothing is allowed, until somebody can. */
  readonly #failed = (error: unknown): never => {
    if (error instanceof ProtocolError) throw error
    this.#options.onError(error)
    const message = 'The permission could not be looked up. Try again.'
    throw new ProtocolError('unavailable', message, { cause: error })
  }

  #ask(question: Question, namespace: Namespace): boolean | Promise<boolean> {
    const ruled = this.#ruled(question, namespace)
    if (ruled === false || !this.#isAsked(namespace)) return ruled
    return every([
      () => ruled,
      ...this.#asked(namespace).map((authorizer) => () => authorizer.authorize(question)),
    ])
  }

  #namespace(channel: string): Namespace {
    return this.#options.namespaces.of(channel)
  }

  #ruled({ actor, action, channel }: Question, namespace: Namespace): boolean | Promise<boolean> {
    if (actor.channels !== undefined) return grants(actor.channels, action, channel)
    switch (ruleOf(namespace, action)) {
      case 'anyone':
        return true
      case 'user':
        return actor.kind === 'user'
      case 'owner':
        return owns(actor.user, channel)
      case 'member':
        return actor.user !== undefined && this.#options.members.has(channel, actor.user)
      // `server`: servers were let in before.
      default:
        return false
    }
  }

  #isAsked({ name, policy }: Namespace): boolean {
    return policy.hook || this.#options.callback !== undefined || this.#guards.has(name)
  }

  #asked({ name, policy }: Namespace): Authorizer[] {
    const { hook = NOBODY, callback } = this.#options
    const guards = this.#guards.get(name) ?? []
    return [
      ...guards,
      ...(policy.hook ? [hook] : []),
      ...(callback === undefined ? [] : [callback]),
    ]
  }
}

/** A namespace that wants a hook where there is none is closed. */
const NOBODY: Authorizer = { authorize: () => false }

/** Asks one after the other until one says no; a promise only when one of them gives one. */
function every(
  questions: readonly (() => boolean | Promise<boolean>)[],
): boolean | Promise<boolean> {
  for (const [i, ask] of questions.entries()) {
    const answer = ask()
    if (answer === false) return false
    if (answer !== true) return answer.then((later) => later && every(questions.slice(i + 1)))
  }
  return true
}
