import { randomBytes } from 'node:crypto'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isChannelName, ProtocolError } from '@tidewire/protocol'
import type { RouteContext } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { ABOUT } from './about.ts'
import type { BlobStore } from './blob-store.ts'
import { download } from './download.ts'
import type { Links } from './links.ts'
import { checkName } from './names.ts'
import { ignoreMissing, receive, type Received, tooLarge } from './receive.ts'
import type { Records, UploadRow } from './records.ts'
import { brokenPromise } from './sniff.ts'

export interface UploadRoutesOptions {
  server: Server
  records: Records
  store: BlobStore
  links: Links
  /** A directory for what is not whole yet. */
  temporary: string
  limits: { maxBytes: number; types: ReadonlySet<string> }
}

type Actor = RouteContext['actor']

/** Files of one user that may be under way at once, and of all. */
const PER_USER = 4
const AT_ONCE = 64
const BUSY_MS = 1_000
const ID = /^[0-9a-f]{32}$/
/** Whom the links of backends are made for. */
const BACKEND = ''

/** The routes of files: who may send, read and delete them. */
export class UploadRoutes {
  readonly #options: UploadRoutesOptions
  /** How many files of each user are under way. */
  readonly #underWay = new Map<string, number>()
  #total = 0

  constructor(options: UploadRoutesOptions) {
    this.#options = options
  }

  add(): void {
    const { server, limits } = this.#options
    server.route('POST', '/v1/uploads', (context) => this.#post(context), {
      maxBodyBytes: limits.maxBytes,
      streamed: true,
      about: ABOUT.send,
    })
    const one = '/v1/uploads/:id'
    server.route('GET', one, (context) => this.#get(context), { anyone: true, about: ABOUT.read })
    server.route('GET', `${one}/link`, (context) => this.#link(context), { about: ABOUT.link })
    server.route('DELETE', one, (context) => this.#delete(context), { about: ABOUT.remove })
  }

  async #post({ request, actor }: RouteContext): Promise<Response> {
    const query = new URL(request.url).searchParams
    const name = checkName(query.get('name'))
    const user = uploaderOf(actor)
    const channel = await this.#channelOf(actor, query.get('channel'))
    const { maxBytes } = this.#options.limits
    const announced = Number(request.headers.get('content-length') ?? maxBytes)
    if (announced > maxBytes) throw tooLarge(maxBytes)
    const id = randomBytes(16).toString('hex')
    const row = { id, user, name, type: '', size: announced, channel }
    const { size, type } = await this.#oneOfFew(user, () => this.#store(request, row))
    return Response.json({ id, name, type, size, url: `/v1/uploads/${id}` }, { status: 201 })
  }

  async #store(request: Request, row: Omit<UploadRow, 'state' | 'created_at'>): Promise<Received> {
    const { server, records, store, temporary, limits } = this.#options
    const { id, name, size: reserved } = row
    const path = join(temporary, id)
    await records.reserve({ ...row, created_at: server.clock.now() })
    try {
      const received = await receive(request, path, {
        maxBytes: limits.maxBytes,
        clock: server.clock,
      })
      this.#checkType(received.type, name, request.headers.get('content-type'))
      await store.keep(id, path, received.type)
      await records.complete(id, reserved, received.size, received.type)
      return received
    } catch (error) {
      await this.#discard(id, path)
      throw error
    }
  }

  /** What cannot be taken away now is found at the next start. */
  async #discard(id: string, path: string): Promise<void> {
    const { server, records, store } = this.#options
    try {
      await unlink(path).catch(ignoreMissing)
      await store.remove(id)
      await records.forget(id)
    } catch (error) {
      server.failed('uploads', error)
    }
  }

  #checkType(type: string, name: string, contentType: string | null): void {
    const promised = brokenPromise(type, name, contentType)
    if (promised !== undefined) {
      const message = `The file says that it is ${promised}, and its bytes are ${type}.`
      throw new ProtocolError('bad_envelope', message)
    }
    const { types } = this.#options.limits
    if (!types.has(type)) {
      const message = `Files of type ${type} are not taken here. Send one of: ${[...types].join(', ')}.`
      throw new ProtocolError('bad_envelope', message)
    }
  }

  async #get({ request, actor, params }: RouteContext): Promise<Response> {
    const { records, store, links, server } = this.#options
    const query = new URL(request.url).searchParams
    const [sig, exp] = [query.get('sig'), query.get('exp')]
    const id = params['id'] ?? ''
    if (sig !== null || exp !== null) {
      const user = query.get('user') ?? ''
      const link = { id, user, sig: sig ?? '', exp: exp ?? '' }
      if (!links.verify(link, server.clock.now())) {
        throw new ProtocolError('forbidden', 'The link has ended. Ask for a new one.')
      }
      const row = await records.find(id)
      if (row === undefined || !(await this.#isReader(user, row))) throw missing()
      return download(request, row, store)
    }
    return download(request, await this.#readable(actor, id), store)
  }

  async #link({ actor, params }: RouteContext): Promise<Response> {
    const { links, server } = this.#options
    const { id } = await this.#readable(actor, params['id'] ?? '')
    const user = (actor.kind === 'user' && actor.user) || BACKEND
    const { sig, exp } = links.sign(id, user, server.clock.now())
    const url = `/v1/uploads/${id}?${new URLSearchParams({ user, exp: String(exp), sig }).toString()}`
    const expires_at = new Date(exp * 1000).toISOString()
    return Response.json({ url, expires_at }, { headers: { 'Cache-Control': 'no-store' } })
  }

  async #delete({ actor, params }: RouteContext): Promise<Response> {
    const { records, store } = this.#options
    const row = await this.#readable(actor, params['id'] ?? '')
    if (!isTheirs(actor, row)) {
      throw new ProtocolError('forbidden', 'Only who sent the file may delete it.')
    }
    await records.markDeleted(row.id)
    await store.remove(row.id)
    await records.forget(row.id)
    return Response.json({ id: row.id, deleted: true })
  }

  /** Whether the user whom a link was made for may read the file, still. */
  async #isReader(user: string, { user: sender, channel }: UploadRow): Promise<boolean> {
    if (user === BACKEND || user === sender) return true
    return channel !== null && this.#options.server.permits(user, 'history', channel)
  }

  /** Says the same of what is not there and of what is not theirs. */
  async #readable(actor: Actor, id: string): Promise<UploadRow> {
    if (actor.kind === 'anyone') throw unknown()
    const row = ID.test(id) ? await this.#options.records.find(id) : undefined
    if (row === undefined) throw missing()
    const { channel } = row
    const mayRead =
      isTheirs(actor, row) || (channel !== null && (await this.#permits(actor, channel)))
    if (!mayRead) throw missing()
    return row
  }

  /** The channel whose readers may read the file. A token that is limited to channels must name one. */
  async #channelOf(actor: Actor, channel: string | null): Promise<string | null> {
    if (channel === null) {
      if (actor.channels === undefined) return null
      throw new ProtocolError('forbidden', 'The token grants channels: pass `?channel=`.')
    }
    if (!isChannelName(channel)) {
      const message = '`channel` is not a channel name such as `chat:general`.'
      throw new ProtocolError('bad_envelope', message)
    }
    const { server } = this.#options
    const granted =
      actor.channels === undefined || (await server.permits(actor, 'publish', channel))
    if (!granted || !(await this.#permits(actor, channel))) {
      throw new ProtocolError('forbidden', `You may not read \`${channel}\`.`)
    }
    return channel
  }

  async #permits(actor: Actor, channel: string): Promise<boolean> {
    return this.#options.server.permits(actor, 'history', channel)
  }

  async #oneOfFew<T>(user: string, work: () => Promise<T>): Promise<T> {
    const count = this.#underWay.get(user) ?? 0
    if (count >= PER_USER || this.#total >= AT_ONCE) {
      const message = 'Too many files are under way. Send this one a little later.'
      throw new ProtocolError('rate_limited', message, { retryAfterMs: BUSY_MS })
    }
    this.#underWay.set(user, count + 1)
    this.#total += 1
    try {
      return await work()
    } finally {
      const left = this.#underWay.get(user)! - 1
      if (left === 0) this.#underWay.delete(user)
      else this.#underWay.set(user, left)
      this.#total -= 1
    }
  }
}

function uploaderOf({ kind, user = '' }: Actor): string {
  if (kind === 'anyone') throw unknown()
  return user
}

/** A token that is limited to channels reads what these let it, and nothing of its user. */
function isTheirs({ kind, user, channels }: Actor, row: UploadRow): boolean {
  return kind === 'server' || (channels === undefined && user === row.user)
}

function unknown(): ProtocolError {
  return new ProtocolError('authentication_required', 'Send a token: `Authorization: Bearer`.')
}

function missing(): ProtocolError {
  return new ProtocolError('not_found', 'There is no such file, or you may not read it.')
}
