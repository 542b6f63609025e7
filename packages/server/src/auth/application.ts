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

/** `true` allows; everything else, an exception included, does not. */
export type Authorize = (request: AuthorizeRequest) => boolean | Promise<boolean>

/** The application's own word, asked for every message. */
export function applicationAuthorizer(
  authorize: Authorize,
  onError: (error: unknown) => void,
): Authorizer {
  const failed = (error: unknown): boolean => {
    onError(error)
    return false
  }
  return {
    authorize({ actor, action, channel }: Question) {
      try {
        const { user, address } = actor
        const answer: unknown = authorize({ action, channel, user, address })
        if (!(answer instanceof Promise)) return answer === true
        return answer.then((later: unknown) => later === true, failed)
      } catch (error) {
        return failed(error)
      }
    },
  }
}
