import { isChannelName } from './channel.ts'
import { ProtocolError } from './errors.ts'
import type { Position } from './position.ts'

/**
 * A cursor is the opaque string that stands for the positions of several channels (PROTOCOL.md §2): an SSE `id`,
 * the `cursor` of a poll. Version 1 is `1` and then `~channel~epoch~offset` for each channel; `~` occurs in none
 * of the three, and all of it is printable ASCII that needs no escaping in a header, a query or an SSE field. An epoch
 * that begins as the one before it, up to a dot or its end, is `*` and the rest: 128 channels have to fit into a header.
 */
export function encodeCursor(positions: Iterable<readonly [channel: string, Position]>): string {
  let cursor = '1'
  let stem: string | undefined
  for (const [channel, { epoch, offset }] of positions) {
    const [own = ''] = epoch.split('.')
    cursor += `~${channel}~${own === stem ? `*${epoch.slice(own.length)}` : epoch}~${offset}`
    stem = own
  }
  return cursor
}

const EPOCH = /^[A-Za-z0-9_.-]{1,64}$/
const OFFSET = /^(0|[1-9][0-9]{0,15})$/
const MAX_LENGTH = 64 * 1024

/** The positions that a cursor stands for. Throws `bad_envelope` for a cursor that cannot be read. */
export function decodeCursor(cursor: string): Map<string, Position> {
  const positions = new Map<string, Position>()
  const parts = cursor.length <= MAX_LENGTH ? cursor.split('~') : []
  if (parts[0] !== '1' || parts.length % 3 !== 1) throw unreadable()
  let stem = ''
  for (let i = 1; i < parts.length; i += 3) {
    const [channel, short = '', offset = ''] = parts.slice(i, i + 3)
    const epoch = short.replace(/^\*/, stem)
    stem = epoch.split('.')[0]!
    if (!isChannelName(channel) || !EPOCH.test(epoch) || !OFFSET.test(offset)) throw unreadable()
    if (positions.has(channel) || !Number.isSafeInteger(Number(offset))) throw unreadable()
    positions.set(channel, { epoch, offset: Number(offset) })
  }
  return positions
}

function unreadable(): ProtocolError {
  return new ProtocolError(
    'bad_envelope',
    'The cursor cannot be read. Start again without one, or with `last`.',
  )
}
