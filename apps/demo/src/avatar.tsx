import { hueOf, initialsOf } from './lib/user.ts'

/** Initials on one of ten hues. The name stands beside it wherever it is shown. */
export function Avatar({ user, size = 'normal' }: { user: string; size?: 'small' | 'normal' }) {
  return (
    <span className={`avatar avatar-${size}`} data-hue={hueOf(user)} aria-hidden="true">
      {initialsOf(user)}
    </span>
  )
}
