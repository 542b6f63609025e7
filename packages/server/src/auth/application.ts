import type { Authorizer, Question } from '../core/ports/authorizer.ts'
import type { Action } from '../core/ports/capabilities.ts'

/** What an application is asked when the rules would allow something. */
export interface AuthorizeRequest {
  action: Action
  /** As the client wrote it, and as it is used: names are never normalised. */
  channel: string
  /** Undefined for clients that showed no token. */
  user: string | undefined
  /** Of the connection's or the request's sender. */
  address: string | undefined
}

/** `true` allows; everything else does not. Where it throws or rejects, nothing is allowed until it answers again. */
export type Authorize = (request: AuthorizeRequest) => boolean | Promise<boolean>

/** The application's own word, asked for every message. */
export function applicationAuthorizer(authorize: Authorize): Authorizer {
  return {
    authorize({ actor: { user, address }, action, channel }: Question) {
      const answer: unknown = authorize({ action, channel, user, address })
      return answer instanceof Promise
        ? answer.then((later: unknown) => later === true)
        : answer === true
    },
  }
}
