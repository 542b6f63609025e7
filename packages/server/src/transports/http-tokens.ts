import type { Context } from 'hono'
import type { Target } from '../core/ports/revocations.ts'
import type { Env, Routes } from './http-app.ts'
import { jsonBody } from './http-body.ts'
import { notOffered } from './http-errors.ts'
import { defined, type RouteOptions } from './http-routes.ts'
import { check, DevTokenBody, IssueBody, RefreshBody, RevokeBody } from './http-schemas.ts'

export interface DevToken {
  token: string
  /** Milliseconds since 1970. */
  expires_at: number
}

export interface IssuedToken extends DevToken {
  /** The login that the token belongs to; when it can be refreshed. */
  session?: string
  refresh_token?: string
  /** Milliseconds since 1970. */
  refresh_expires_at?: number
}

export interface TokenRequest {
  user: string
  ttl_ms?: number
  /** As the claim of that name. */
  channels?: Readonly<Record<string, readonly string[]>>
  /** Whether a refresh token comes with it. */
  refresh?: boolean
}

/**
 * Makes the tokens of users.
 *
 * Failure: rejects with `ProtocolError`: `authentication_failed` for a refresh token that does not count (any more).
 */
export interface TokenIssuer {
  issue(request: TokenRequest): Promise<IssuedToken>
  /** A refresh token is used up by it: the answer brings the next one. */
  refresh(refreshToken: string): Promise<IssuedToken>
}

export function addTokenRoutes(app: Routes, options: RouteOptions): void {
  const { service, door, frame, authenticate, serversOnly, admit, tokens } = options

  app.post('/v1/tokens', authenticate, serversOnly, async (c) => {
    const { user, ...how } = check(IssueBody, await jsonBody(c.req, frame))
    if (tokens === undefined) throw notOffered('It has no secret to sign tokens with.')
    return answer(c, await tokens.issue({ user, ...defined(how) }), 201)
  })

  app.post('/v1/tokens/refresh', admit, async (c) => {
    const { refresh_token } = check(RefreshBody, await jsonBody(c.req, frame))
    if (tokens === undefined) throw notOffered('It has no secret to sign tokens with.')
    const address = door.addressOf(c.env.incoming)
    return answer(c, await service.refresh(address, () => tokens.refresh(refresh_token)), 200)
  })

  app.post('/v1/tokens/revoke', authenticate, serversOnly, async (c) => {
    const target: Target = check(RevokeBody, await jsonBody(c.req, frame))
    const disconnected = await service.disconnect(c.get('actor'), target, { revoke: true })
    return c.json({ disconnected })
  })

  const { issueDevToken } = options
  if (issueDevToken === undefined) return
  app.post('/v1/dev/token', admit, async (c) => {
    const { user } = check(DevTokenBody, await jsonBody(c.req, frame))
    return answer(c, await issueDevToken(user), 200)
  })
}

function answer(c: Context<Env>, issued: IssuedToken, status: 200 | 201): Response {
  const { token, expires_at, session, refresh_token, refresh_expires_at } = issued
  c.header('Cache-Control', 'no-store')
  const body = {
    token,
    expires_at: iso(expires_at),
    ...defined({ session, refresh_token }),
    ...(refresh_expires_at === undefined ? {} : { refresh_expires_at: iso(refresh_expires_at) }),
  }
  return c.json(body, status)
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
