import { request } from 'node:http'
import { http } from '../support/http.ts'
import { codeOf, Peer } from '../support/peer.ts'
import { type Actor, ACTS, type Outcome } from './acts.ts'

export interface Name {
  what: string
  name: string
  /** What may come of it, whichever way it goes: `yes` where it is the name of another channel, which is open. */
  outcome: readonly Outcome[]
}

const [INVALID, FORBIDDEN, UNKNOWN] = [4009, 4011, 4012] as const

/** Of the stranger `eve`, who may not reach `server:room` and `owner:ada`. Names are never normalised. */
export const NAMES: readonly Name[] = [
  named('in capitals', 'SERVER:room', INVALID),
  named('with a capital namespace', 'Server:room', INVALID),
  named('with a capital rest', 'server:Room', FORBIDDEN),
  named('with a letter of another script', '\u0455erver:room', INVALID),
  named('in full width', '\uff53erver:room', INVALID),
  named('with an accent, composed', 'server:r\u00f3om', INVALID),
  named('with an accent, decomposed', 'server:ro\u0301om', INVALID),
  named('with a ligature', 'server:\ufb03', INVALID),
  named('with a zero-width space', 'server:\u200broom', INVALID),
  named('with a byte order mark', '\ufeffserver:room', INVALID),
  named('with a right-to-left mark', 'server:room\u200f', INVALID),
  named('with a space behind', 'server:room ', INVALID),
  named('with a space before', ' server:room', INVALID),
  named('with a plus for a space', 'server:+room', INVALID),
  named('with a NUL behind', 'server:room\0', INVALID),
  named('with a NUL inside', 'user:room\0server:room', INVALID),
  named('with a line feed', 'server:room\n', INVALID),
  named('with a line of its own', 'user:room\r\nserver:room', INVALID),
  named('with an encoded colon', 'server%3Aroom', INVALID),
  named('with an encoded letter', 'server:%72oom', INVALID),
  named('with an encoded slash', 'user:room%2f..%2fserver:room', INVALID),
  named('with two colons', 'server::room', FORBIDDEN),
  named('with an underscore for the colon', 'server_room', INVALID),
  named('with a slash for the colon', 'server/room', INVALID),
  named('without a rest', 'server:', INVALID),
  named('without a namespace', ':room', INVALID, UNKNOWN),
  named('of a wildcard', 'server:*', INVALID),
  named('of a wildcard for everything', '*', INVALID),
  named('with a dot segment', 'server:./room', FORBIDDEN),
  named('that goes up and down again', 'server:x/../room', FORBIDDEN),
  named('that goes up from an open namespace', 'user:../server:room', 'yes'),
  named('that goes up from an open channel', 'user:room/../../server:room', 'yes'),
  named('behind a comma', 'user:room,server:room', 'yes'),
  named('that goes up from an own channel', 'owner:eve/../ada', 'yes'),
  named('of one who is named second', 'owner:ada/eve', FORBIDDEN),
  named('of one who is named after a colon', 'owner:ada:eve', FORBIDDEN),
  named('of two owners', 'owner:eve,ada', 'yes'),
  named('of an owner whose name begins so', 'owner:evelyn', FORBIDDEN),
  named('of an owner with a capital', 'owner:Eve', FORBIDDEN),
  named('of an owner with a dot', 'owner:eve.', FORBIDDEN),
  named('of an owner behind nothing', 'owner:/eve', FORBIDDEN),
  named('of an owner behind a colon', 'owner::eve', FORBIDDEN),
  named('of an owner with another sign', 'owner:eve@ada', FORBIDDEN),
  named('of 256 characters', `user:${'a'.repeat(251)}`, INVALID),
  named('of 256 characters that end in another', `${'user:'.repeat(49)}server:room`, INVALID),
  named('of a constructor', 'constructor:room', UNKNOWN),
  named('of a prototype', '__proto__:room', INVALID),
  named('of a method', 'tostring:room', UNKNOWN),
  named('with a prototype as rest', 'user:__proto__', 'yes'),
  named('with a constructor as rest', 'user:constructor', 'yes'),
  named('with a prototype as member', 'member:__proto__', FORBIDDEN),
  named('with a constructor as member', 'member:constructor', FORBIDDEN),
  named('with a constructor as owner', 'owner:constructor', FORBIDDEN),
]

function named(what: string, name: string, ...outcome: Outcome[]): Name {
  return { what, name, outcome }
}

/** What comes of every act with the name. */
export function tryEverywhere(
  actor: Actor,
  channel: string,
  end: (() => void)[],
): Promise<[act: string, Outcome][]> {
  // A name that is no channel is in no position either.
  const acts = ACTS.filter(({ action }) => action !== 'recover')
  return Promise.all(
    acts.map(async (act) => [act.name, await act.run(actor, { channel, epoch: 'any' }, end)]),
  )
}

export interface Smuggling {
  what: string
  /** Resolves to what the server said to the channel that was smuggled in. */
  run(actor: Actor, end: (() => void)[]): Promise<Outcome>
}

const MESSAGE = { type: 'message', payload: {} }
const path = (text: string): Smuggling => ({
  what: `the path ${text}`,
  run: ({ url, token }) => get(url, text, token!),
})

/** `server:room` beside, behind or inside of something that is allowed. */
export const SMUGGLING: readonly Smuggling[] = [
  path('/v1/channels/server%253Aroom/publications'),
  path('/v1/channels/user:room/../server:room/publications'),
  path('/v1/channels/user%3Aroom/%2e%2e/server%3Aroom/publications'),
  path('/v1/channels/user:room%2f..%2f..%2fserver:room/../server:room/publications'),
  path('/v1/channels//server:room/publications'),
  path('/v1/channels/server:room;user:room/publications'),
  path('/v1/channels/server:room%00/publications'),
  path('/v1/channels/server:room/publications?channel=user:room'),
  path('/v1/sse?channel=user:room&channel=server:room'),
  path('/v1/sse?channel=user:room&channel=server%3Aroom&last=5'),
  path('/v1/poll?channel=user:room&channel=server:room&wait=0'),
  path('/v1/poll?channel=server:room&channel=user:room&wait=0&last=5'),
  path('/v1/sse?channel[]=server:room'),
  {
    what: 'a second channel of a publish',
    run: async ({ url, token }) => {
      const body = { channels: ['user:room', 'server:room'], ...MESSAGE }
      const answer = await http(`${url}/v1/publications`, { method: 'POST', token, body })
      const results = answer.body['results'] as { error?: { code: number } }[]
      return results[1]?.error?.code ?? 'yes'
    },
  },
  {
    what: 'a channel in the body of a publish to another',
    run: async ({ url, token }) => {
      const body = { ...MESSAGE, channel: 'server:room' }
      const to = `${url}/v1/channels/user:room/publications`
      const { code } = await http(to, { method: 'POST', token, body })
      return code ?? 'yes'
    },
  },
  frame('a list of channels', 'subscribe', { channel: ['user:room', 'server:room'] }),
  frame('an object that says it is a name', 'subscribe', { channel: { toString: 'server:room' } }),
  frame('a channel given twice', 'history', { channel: 'server:room', channels: ['user:room'] }),
  frame(
    'a prototype with a channel',
    'subscribe',
    JSON.parse('{"__proto__":{"channel":"server:room"}}') as object,
  ),
]

function frame(what: string, type: string, payload: object): Smuggling {
  return {
    what,
    run: async ({ url, token }, end) => {
      const peer = await Peer.open(url, { token })
      end.push(() => peer.end())
      return codeOf(await peer.ask(type, payload)) ?? 'yes'
    },
  }
}

/** A GET whose path is sent as it stands. */
function get(url: string, target: string, token: string): Promise<Outcome> {
  const { hostname, port } = new URL(url)
  const headers = { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path: target, headers }, (response) => {
      // An answer that begins is enough: a stream would not end.
      const { statusCode = 0 } = response
      response.destroy()
      resolve(statusCode < 300 ? 'yes' : `HTTP ${statusCode}`)
    })
    sent.on('error', reject)
    sent.end()
  })
}
