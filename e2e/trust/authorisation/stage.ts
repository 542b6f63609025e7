import { ServerProcess } from '../../support/server-process.ts'
import { until } from '../../support/until.ts'
import { http } from '../support/http.ts'
import { serverKey, tokenOf } from '../support/jwt.ts'
import { LocalServer } from '../support/local-server.ts'
import { Peer } from '../support/peer.ts'
import { Tap } from '../support/tap.ts'
import type { Actor, Target } from './acts.ts'
import { CHANNELS, NAMESPACES, type Role, ROLES } from './model.ts'

const SECRET = 'a secret of thirty-two bytes or more'
const KEY = serverKey('matrix')
export const CALLEE = 'callee'

/**
 * A server, one tap for each role that keeps all that the role receives, and a secret in every channel: some from before
 * anybody came, some while they are there.
 */
export class Stage {
  readonly server: ServerProcess
  readonly #hook: LocalServer
  readonly #taps: ReadonlyMap<Role, Tap>
  readonly #epochs: ReadonlyMap<string, string>
  readonly #callee: Peer
  #secrets = 0

  static async start(): Promise<Stage> {
    const welcome = new Set(ROLES.filter(({ hooked }) => hooked).map(({ user }) => user))
    const hook = await LocalServer.start((body) => ({
      allow: welcome.has((body as { user?: string }).user),
    }))
    const server = await ServerProcess.start({
      config: {
        no_limits: true,
        namespaces: NAMESPACES,
        auth: {
          jwt_secret: SECRET,
          server_keys: [KEY.entry],
          hook: { url: hook.url, secret: SECRET, allow_private: true },
        },
      },
    })
    const taps = new Map<Role, Tap>()
    for (const role of ROLES) taps.set(role, await Tap.start(server.port))
    for (const channel of new Set(ROLES.flatMap(({ memberOf = [] }) => memberOf))) {
      for (const { user, memberOf } of ROLES) {
        if (memberOf?.includes(channel)) await makeMember(server, channel, user!)
      }
    }
    const epochs = new Map<string, string>()
    for (const channel of CHANNELS) epochs.set(channel, await hide(server, channel, old(channel)))
    const callee = await answering(server)
    return new Stage(server, hook, taps, epochs, callee)
  }

  private constructor(
    server: ServerProcess,
    hook: LocalServer,
    taps: ReadonlyMap<Role, Tap>,
    epochs: ReadonlyMap<string, string>,
    callee: Peer,
  ) {
    this.server = server
    this.#hook = hook
    this.#taps = taps
    this.#epochs = epochs
    this.#callee = callee
  }

  /** The role as a client that is tapped. */
  actor(role: Role): Actor {
    const { user, server, channels } = role
    const claims = channels === undefined ? {} : { channels }
    const token = user === undefined ? undefined : tokenOf(SECRET, user, claims)
    return { url: this.tap(role).url, token: server === true ? KEY.key : token }
  }

  tap(role: Role): Tap {
    return this.#taps.get(role)!
  }

  target(channel: string): Target {
    return { channel, epoch: this.#epochs.get(channel)! }
  }

  /** Publishes a secret that only this channel has, and resolves to it when somebody who may has it. */
  async publishSecret(channel: string): Promise<string> {
    this.#secrets += 1
    const secret = `${live(channel)}${this.#secrets}.`
    const witness = await Peer.open(this.server.url, { token: KEY.key })
    await witness.ask('subscribe', { channel })
    await hide(this.server, channel, secret)
    await until(() => witness.frames.some(({ payload }) => payload['secret'] === secret))
    witness.end()
    return secret
  }

  async stop(): Promise<void> {
    this.#callee.end()
    for (const tap of this.#taps.values()) await tap.close()
    await this.server.remove()
    await this.#hook.close()
  }
}

/** What was published to the channel before anybody came. */
export function old(channel: string): string {
  return `old-secret-of-${channel}.`
}

/** How everything begins that is published to the channel while they are there. */
export function live(channel: string): string {
  return `live-secret-of-${channel}.`
}

/** Resolves to the epoch of the channel. */
async function hide(server: ServerProcess, channel: string, secret: string): Promise<string> {
  const url = `${server.url}/v1/channels/${encodeURIComponent(channel)}/publications`
  const body = { type: 'message', payload: { secret } }
  const answer = await http(url, { method: 'POST', token: KEY.key, body })
  return String(answer.body['epoch'])
}

async function makeMember(server: ServerProcess, channel: string, user: string): Promise<void> {
  const url = `${server.url}/v1/channels/${encodeURIComponent(channel)}/members/${user}`
  const { status } = await http(url, { method: 'PUT', token: KEY.key })
  if (status >= 300) throw new Error(`${user} did not become a member: ${status}.`)
}

/** A user's client that answers every call. */
async function answering(server: ServerProcess): Promise<Peer> {
  const callee = await Peer.open(server.url, { token: tokenOf(SECRET, CALLEE) })
  callee.socket.on('message', (data: Buffer) => {
    const { type, metadata } = JSON.parse(data.toString()) as { type: string; metadata: object }
    if (type !== 'call') return
    const correlation_id = (metadata as { message_id?: string }).message_id
    const answer = { type: 'result', payload: { value: 'hello' }, metadata: { correlation_id } }
    callee.socket.send(JSON.stringify(answer))
  })
  return callee
}
