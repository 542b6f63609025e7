import { http } from '../support/http.ts'
import type { Actor, Outcome } from './acts.ts'
import { CALLEE } from './stage.ts'

export interface Administration {
  name: string
  what: 'call' | 'administer'
  run(actor: Actor): Promise<Outcome>
}

/** What backends do, and others only try. */
export const ADMINISTRATION: readonly Administration[] = [
  {
    name: "call a user's clients",
    what: 'call',
    run: request('POST', `/v1/users/${CALLEE}/call`, { method: 'greet', args: {} }),
  },
  {
    name: 'end the connections of a user',
    what: 'administer',
    run: request('POST', '/v1/users/away/disconnect'),
  },
  {
    name: 'revoke a user',
    what: 'administer',
    run: request('POST', '/v1/tokens/revoke', { user: 'away' }),
  },
  {
    name: 'revoke a token',
    what: 'administer',
    run: request('POST', '/v1/tokens/revoke', { token_id: 'of-nobody' }),
  },
  {
    name: 'revoke a key',
    what: 'administer',
    run: request('POST', '/v1/tokens/revoke', { key_id: 'of-nobody' }),
  },
  {
    name: 'issue a token',
    what: 'administer',
    run: request('POST', '/v1/tokens', { user: 'away' }),
  },
  {
    name: 'make a member',
    what: 'administer',
    run: request('PUT', '/v1/channels/member%3Aother/members/away'),
  },
  {
    name: 'read the members',
    what: 'administer',
    run: request('GET', '/v1/channels/member%3Aroom/members'),
  },
  {
    name: 'remove a member',
    what: 'administer',
    run: request('DELETE', '/v1/channels/member%3Aother/members/away'),
  },
]

function request(method: string, path: string, body?: object): Administration['run'] {
  return async ({ url, token }) => {
    const answer = await http(`${url}${path}`, { method, token, body })
    if (answer.code !== undefined) return answer.code
    return answer.status < 300 ? 'yes' : `HTTP ${answer.status}`
  }
}
