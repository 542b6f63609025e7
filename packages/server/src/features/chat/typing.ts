import { ProtocolError, type Publication } from '@tidewire/protocol'
import type { CommandRequest, MemberChange } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { channelOf } from './channels.ts'
import { userOf } from './membership.ts'
import { roomIn } from './publishing.ts'
import { parsePayload, typing } from './schemas.ts'

/** One start of a user in a talk is passed on in this time. */
const THROTTLE_MS = 2_000
const MAX_TYPING = 50_000

interface Typing {
  channel: string
  user: string
  /** When others were told last; steady milliseconds. */
  toldAt: number
  cancel: () => void
}

/** Who is typing where: told to the others, kept nowhere. */
export class TypingIndicators {
  readonly #server: Server
  readonly #expireMs: number
  readonly #typing = new Map<string, Typing>()

  /** `expireMs`: nobody types longer than this without saying so again. */
  constructor(server: Server, expireMs: number) {
    this.#server = server
    this.#expireMs = expireMs
  }

  readonly start = async (request: CommandRequest) => {
    const { channel, user } = await this.#permitted('typing_start', request)
    const key = keyOf(channel, user)
    const now = this.#server.clock.steady()
    const before = this.#typing.get(key)
    before?.cancel()
    if (before !== undefined || this.#typing.size < MAX_TYPING) {
      const isNew = before === undefined || now - before.toldAt >= THROTTLE_MS
      const cancel = this.#server.clock.after(this.#expireMs, () => this.#end(key))
      this.#typing.set(key, { channel, user, toldAt: isNew ? now : before.toldAt, cancel })
      if (isNew) this.#tell('typing_start', channel, user)
    }
    return { type: 'ack', payload: { channel, duplicate: false } }
  }

  readonly stop = async (request: CommandRequest) => {
    const { channel, user } = await this.#permitted('typing_stop', request)
    this.#end(keyOf(channel, user))
    return { type: 'ack', payload: { channel, duplicate: false } }
  }

  /** Who said something has stopped typing it. */
  said({ type, metadata: { channel, user } }: Publication): void {
    if (type === 'message' && user !== undefined) this.#end(keyOf(channel, user))
  }

  /** Who is no member any more types nothing there. */
  left({ channel, user, isMember }: MemberChange): void {
    if (!isMember) this.#end(keyOf(channel, user))
  }

  close(): void {
    for (const { cancel } of this.#typing.values()) cancel()
    this.#typing.clear()
  }

  async #permitted(
    type: string,
    { payload, client }: CommandRequest,
  ): Promise<{ channel: string; user: string }> {
    const where = parsePayload(typing, type, payload)
    const channel = 'room' in where ? channelOf(where.room) : where.channel
    const user = userOf(client)
    if (!(await client.permits('publish', channel))) {
      throw new ProtocolError('forbidden', `You may not say anything in \`${channel}\`.`)
    }
    return { channel, user }
  }

  #end(key: string): void {
    const ended = this.#typing.get(key)
    if (ended === undefined) return
    ended.cancel()
    this.#typing.delete(key)
    this.#tell('typing_stop', ended.channel, ended.user)
  }

  #tell(type: string, channel: string, user: string): void {
    const frame = { type, payload: { ...roomIn(channel), channel, user } }
    this.#server.signal(channel, frame, { except: this.#server.clients(user) })
  }
}

/** Neither has blanks. */
function keyOf(channel: string, user: string): string {
  return `${channel} ${user}`
}
