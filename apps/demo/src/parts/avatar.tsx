import { hueOf, initialsOf } from '../lib/user.ts'

export type AvatarSize = 'tiny' | 'small' | 'normal'

/** Initials on one of ten hues. The name stands beside it wherever it is shown. */
export function Avatar({ user, size = 'normal' }: { user: string; size?: AvatarSize }) {
  return (
    <span className={`avatar avatar-${size}`} data-hue={hueOf(user)} aria-hidden="true">
      {size === 'tiny' ? initialsOf(user).slice(0, 1) : initialsOf(user)}
    </span>
  )
}
