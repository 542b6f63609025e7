import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import { AlreadyHeld, type Intercepted } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { directUsers, isTalk, roomOf } from './channels.ts'
import { mentioned, mentionsIn } from './mentions.ts'
import type { OnTheWay } from './on-the-way.ts'
import type { Projection } from './projection.ts'
import type { Rooms } from './rooms.ts'
import { edit, message, parsePayload, reaction, removal } from './schemas.ts'
import type { Message, Talks } from './talks.ts'

/** Of one message. */
const MAX_REACTIONS = 500
const MAX_EMOJI = 20

export interface PublishingParts {
  server: Server
  projection: Projection
  talks: Talks
  rooms: Rooms
  onTheWay: OnTheWay
}

/**
 * What may be said, and changed, in rooms and direct talks. What it adds to a payload does not depend on when it is asked,
 * as far as that can be: a publication that is repeated is to be the same one.
 */
export class Publishing {
  readonly #server: Server
  readonly #projection: Projection
  readonly #talks: Talks
  readonly #rooms: Rooms
  readonly #onTheWay: OnTheWay

  constructor({ server, projection, talks, rooms, onTheWay }: PublishingParts) {
    this.#server = server
    this.#projection = projection
    this.#talks = talks
    this.#rooms = rooms
    this.#onTheWay = onTheWay
  }

  /** Refuses a publication, or completes it. Events of the application pass as they are. */
  readonly intercept = async (
    publication: Intercepted,
  ): Promise<JsonObject | AlreadyHeld | undefined> => {
    const { channel, type } = publication
    if (!isTalk(channel)) {
      throw new ProtocolError(
        'bad_envelope',
        'A direct talk is `dm:` and two ids of users, sorted, with a comma between.',
      )
    }
    // At once: what follows on its heels looks for it.
    if (type === 'message') this.#onTheWay.add(channel, publication.message_id)
    try {
      await this.#projection.known(channel)
      if (type === 'message') return await this.#message(publication)
    } catch (error) {
      if (type === 'message') this.#onTheWay.over(channel, publication.message_id)
      throw error
    }
    switch (type) {
      case 'message_edit':
        return this.#edit(publication)
      case 'message_delete':
        return this.#delete(publication)
      case 'reaction':
        return this.#react(publication)
      default:
        return undefined
    }
  }

  async #message({ channel, payload, message_id }: Intercepted): Promise<JsonObject> {
    const { content = '', reply_to, attachments } = parsePayload(message, 'message', payload)
    const said = attachments === undefined ? payload : { ...payload, attachments }
    if (reply_to !== undefined) await this.#answered(channel, message_id, reply_to)
    const mentions = await this.#mentions(channel, content, message_id)
    return mentions.length === 0 ? said : { ...said, mentions }
  }

  async #answered(channel: string, messageId: string, replyTo: string): Promise<void> {
    // It would wait for itself.
    if (replyTo === messageId) throw notThere('`reply_to` names')
    const answered = await this.#find(channel, replyTo)
    if (answered?.deleted === false) return
    // A repetition was looked at the first time: what it answers may have been deleted since.
    const { id } = await this.#projection.settled(channel)
    if (id !== undefined && (await this.#talks.message(id, messageId)) !== undefined) return
    throw notThere('`reply_to` names')
  }

  /** In a private room and in a direct talk, only who can read it is mentioned. */
  async #mentions(channel: string, content: string, messageId: string): Promise<string[]> {
    if (mentioned(content).length === 0) return []
    const users = directUsers(channel)
    if (users !== undefined) return mentionsIn(content, (user) => users.includes(user))
    const room = await this.#rooms.find(channel)
    if (room?.private !== true) return mentionsIn(content)
    const before = await this.#mentionedBefore(channel, messageId)
    return before ?? mentionsIn(content, (user) => this.#server.isMember(channel, user))
  }

  /** Whom the message mentions, when this is a repetition: there may be other members by now. */
  async #mentionedBefore(channel: string, messageId: string): Promise<string[] | undefined> {
    const known = await this.#look(channel, messageId)
    if (known === undefined) return undefined
    const page = await this.#server.history(channel, { after: known.offset - 1, limit: 1 })
    const mentions = page.publications[0]?.payload['mentions']
    return Array.isArray(mentions) ? mentions.map(String) : []
  }

  async #edit(publication: Intercepted): Promise<JsonObject> {
    const { channel, payload, message_id: own } = publication
    const { message_id, content } = parsePayload(edit, 'message_edit', payload)
    const target = await this.#target(channel, message_id)
    if (target.deleted) throw notThere('`message_id` names')
    if (!isBy(publication, target)) {
      throw new ProtocolError('forbidden', 'Only who wrote a message may edit it.')
    }
    if (content.trim() === '' && !(await this.#hasAttachments(channel, target))) {
      throw new ProtocolError('bad_envelope', '`content` is blank. To take it back, delete it.')
    }
    const mentions = await this.#mentions(channel, content, own)
    return {
      message_id,
      content,
      ...(mentions.length === 0 ? {} : { mentions }),
      message_offset: target.offset,
    }
  }

  async #hasAttachments(channel: string, { offset }: Message): Promise<boolean> {
    const page = await this.#server.history(channel, { after: offset - 1, limit: 1 })
    return page.publications[0]?.payload['attachments'] !== undefined
  }

  async #delete(publication: Intercepted): Promise<JsonObject | AlreadyHeld> {
    const { channel, payload, user, fromServer } = publication
    const { message_id } = parsePayload(removal, 'message_delete', payload)
    const target = await this.#target(channel, message_id)
    const mayDelete =
      (fromServer && user === undefined) ||
      isBy(publication, target) ||
      (user !== undefined && (await this.#rooms.find(channel))?.owner === user)
    if (!mayDelete) {
      throw new ProtocolError(
        'forbidden',
        'Only who wrote a message, the owner of the room or a server key may delete it.',
      )
    }
    if (target.deletion !== null) {
      const { epoch } = await this.#projection.settled(channel)
      return new AlreadyHeld({ epoch, offset: target.deletion })
    }
    return {
      message_id,
      message_offset: target.offset,
      ...(target.user === null ? {} : { author: target.user }),
    }
  }

  async #react(publication: Intercepted): Promise<JsonObject> {
    const { channel, payload, user } = publication
    const { message_id, emoji, remove } = parsePayload(reaction, 'reaction', payload)
    if (user === undefined) throw new ProtocolError('forbidden', 'Only a user can react.')
    const target = await this.#target(channel, message_id)
    if (target.deleted) throw notThere('`message_id` names')
    if (remove !== true) await this.#bound(channel, target, emoji)
    return {
      message_id,
      emoji,
      ...(remove === undefined ? {} : { remove }),
      message_offset: target.offset,
    }
  }

  async #bound(channel: string, { offset }: Message, emoji: string): Promise<void> {
    const id = await this.#projection.number(channel)
    const { count, kinds, isKnown } = await this.#talks.reactionsOf(id, offset, emoji)
    if (count < MAX_REACTIONS && (isKnown || kinds < MAX_EMOJI)) return
    throw new ProtocolError(
      'conflict',
      `A message carries ${MAX_REACTIONS} reactions of ${MAX_EMOJI} kinds at most.`,
    )
  }

  async #target(channel: string, messageId: string): Promise<Message> {
    const target = await this.#find(channel, messageId)
    if (target === undefined) throw notThere('`message_id` names')
    return target
  }

  /** The message, also when it was sent just before and is on its way to the log. */
  async #find(channel: string, messageId: string): Promise<Message | undefined> {
    const end = this.#onTheWay.end(channel, messageId)
    const found = await this.#look(channel, messageId)
    if (found !== undefined || end === undefined) return found
    await end
    return this.#look(channel, messageId)
  }

  async #look(channel: string, messageId: string): Promise<Message | undefined> {
    const { id } = await this.#projection.settled(channel)
    return id === undefined ? undefined : this.#talks.message(id, messageId)
  }
}

/** Backends that publish on nobody's behalf wrote what nobody in particular wrote. */
function isBy({ user, fromServer }: Intercepted, { user: author }: Message): boolean {
  return user === undefined ? fromServer && author === null : author === user
}

function notThere(what: string): ProtocolError {
  return new ProtocolError('not_found', `${what} a message that is not here, or was deleted.`)
}

/** The room of a frame, where it has one: direct talks have a channel alone. */
export function roomIn(channel: string): { room?: string } {
  const room = roomOf(channel)
  return room === undefined ? {} : { room }
}
