/**
 * Who belongs to a channel: what the rule `member` asks.
 *
 * Failure: rejects with `ProtocolError` `unavailable`. Nothing is allowed then.
 */
export interface Members {
  has(channel: string, user: string): boolean | Promise<boolean>
}

export const NO_MEMBERS: Members = { has: () => false }

/** What backends do with members. */
export interface MemberStore extends Members {
  /** True when the user was none before. */
  add(channel: string, user: string): Promise<boolean>
  /** True when the user was one. */
  remove(channel: string, user: string): Promise<boolean>
  /** In the order of their ids, at most `limit` after the user `after`. */
  list(channel: string, page: { after?: string; limit: number }): Promise<readonly string[]>
  count(channel: string): Promise<number>
  /** The channels of a namespace that the user is a member of, in the order of their names. */
  channels(
    user: string,
    page: { namespace: string; after?: string; limit: number },
  ): Promise<readonly string[]>
}
