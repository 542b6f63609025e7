import type { Actor } from './actor.ts'
import type { Action } from './capabilities.ts'

/** Whether somebody may do something in a channel, whose rule and whose token allow it already. */
export interface Question {
  actor: Actor
  action: Action
  channel: string
}

/**
 * Has the last word: what the rules allow it may still refuse.
 *
 * Order:   asked once for each action; may answer at once.
 * Failure: rejects with `ProtocolError` `unavailable` when it cannot tell. Nothing is allowed then.
 */
export interface Authorizer {
  authorize(question: Question): boolean | Promise<boolean>
  /** What it remembers of the user counts no longer. */
  forget?(user: string): void
}
