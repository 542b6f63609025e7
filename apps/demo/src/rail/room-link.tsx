import { hrefOf } from '../lib/places.ts'
import { labelOf, otherOf } from '../lib/rooms.ts'
import { PersonAvatar } from '../people/person-avatar.tsx'
import type { RoomEntry } from './use-rooms.ts'

interface RoomLinkProps {
  entry: RoomEntry
  viewer: string
  isCurrent: boolean
  onPick?: (() => void) | undefined
}

export function RoomLink({ entry, viewer, isCurrent, onPick }: RoomLinkProps) {
  const { room, unread, mentions } = entry
  const other = otherOf(room, viewer)
  return (
    <a
      className="room-link"
      href={hrefOf(room)}
      onClick={onPick}
      data-testid="room"
      data-room={room}
      aria-current={isCurrent ? 'page' : undefined}
      data-unread={unread > 0 || undefined}
    >
      {other === undefined ? (
        <span className="hash" aria-hidden="true">
          #
        </span>
      ) : (
        <PersonAvatar user={other} size="tiny" />
      )}
      <bdi className="ellipsis">{labelOf(room, viewer)}</bdi>
      <Badge count={unread} isLoud={mentions > 0 || other !== undefined} what="unread" />
    </a>
  )
}

interface BadgeProps {
  count: number
  /** Somebody means the reader. */
  isLoud?: boolean
  what: string
}

export function Badge({ count, isLoud = true, what }: BadgeProps) {
  if (count <= 0) return null
  return (
    <span className={isLoud ? 'badge badge-accent' : 'badge'} data-testid="badge">
      {count > 99 ? '99+' : count}
      <span className="visually-hidden"> {what}</span>
    </span>
  )
}
