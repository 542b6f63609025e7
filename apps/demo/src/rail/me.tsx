import type { UseThemeResult } from '../lib/hooks.ts'
import { LeaveIcon, MoonIcon, SunIcon } from '../parts/icons.tsx'
import { usePeople } from '../people/people.tsx'
import { PersonAvatar } from '../people/person-avatar.tsx'

interface MeProps {
  user: string
  colours: UseThemeResult
  onSignOut: () => void
}

/** Who I am here, and how the page looks. */
export function Me({ user, colours: { theme, toggle }, onSignOut }: MeProps) {
  const { own } = usePeople()
  return (
    <footer className="me">
      <PersonAvatar user={user} />
      <span className="me-words">
        <bdi className="me-name ellipsis" title={user}>
          {user}
        </bdi>
        {own.note !== '' && (
          <span className="me-note ellipsis" dir="auto">
            {own.note}
          </span>
        )}
      </span>
      <button
        type="button"
        className="icon-button"
        onClick={toggle}
        aria-label={theme === 'dark' ? 'Use light colours' : 'Use dark colours'}
      >
        {theme === 'dark' ? <SunIcon /> : <MoonIcon />}
      </button>
      <button
        type="button"
        className="icon-button"
        onClick={onSignOut}
        aria-label="Change name"
        title="Change name"
      >
        <LeaveIcon />
      </button>
    </footer>
  )
}
