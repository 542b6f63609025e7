import type { Kysely } from 'kysely'

/** The tables of `store.db`. Times are milliseconds since 1970. */
export interface Tables {
  server_keys: {
    id: string
    sha256: string
    created_at: number
    /** Rows stay when a key is revoked, so that its id never names another. */
    revoked_at: number | null
  }
  refresh_tokens: {
    id: string
    session: string
    user: string
    sha256: string
    /** JSON. */
    channels: string | null
    expires_at: number
    used_at: number | null
    /** When its session was ended: no token of that session counts any more. */
    ended_at: number | null
  }
  revocations: {
    /** `user`, `token_id`, `session` or `key_id`. */
    kind: string
    value: string
    at: number
  }
  members: {
    channel: string
    user: string
    added_at: number
  }
}

export type StoreDatabase = Kysely<Tables>
