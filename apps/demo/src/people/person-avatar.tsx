import { Avatar, type AvatarSize } from '../parts/avatar.tsx'
import { Dot } from './dot.tsx'
import { usePeople } from './people.tsx'

/** Somebody's face, and whether they are there. */
export function PersonAvatar({ user, size = 'small' }: { user: string; size?: AvatarSize }) {
  const { of, isUnknown } = usePeople()
  return (
    <span className="person-avatar">
      <Avatar user={user} size={size} />
      {!isUnknown && <Dot availability={of(user).availability} />}
    </span>
  )
}
