import { type SubmitEvent, useId, useState } from 'react'
import { Avatar } from './parts/avatar.tsx'
import { Mark } from './parts/icons.tsx'
import { lastName } from './lib/session.ts'
import { userIdOf } from './lib/user.ts'

/** The first visit: a name is all it takes. */
export function SignIn({ onPick }: { onPick: (user: string) => void }) {
  const [name, setName] = useState(lastName)
  const id = useId()
  const user = userIdOf(name)
  const isUnusable = name.trim() !== '' && user === ''

  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    if (user) onPick(user)
  }

  return (
    <main className="welcome">
      <form className="welcome-card" onSubmit={submit}>
        <div className="welcome-mark">
          <Mark size={28} />
        </div>
        <h1>Welcome to Tidewire</h1>
        <p className="muted">
          Rooms over one ordered log. Pick a name, open a second window with another, and talk.
        </p>
        <label htmlFor={id}>Your name</label>
        <div className="welcome-field">
          {user ? <Avatar user={user} /> : <span className="avatar avatar-empty" />}
          <input
            id={id}
            data-testid="name"
            value={name}
            // The last name stands there: another one replaces it.
            onFocus={(event) => event.target.select()}
            onChange={(event) => setName(event.target.value)}
            placeholder="Ada Lovelace"
            autoComplete="nickname"
            autoCapitalize="words"
            spellCheck={false}
            maxLength={60}
            aria-describedby={`${id}-hint`}
            aria-invalid={isUnusable}
            // The only thing to do on this page.
            autoFocus
          />
        </div>
        <p id={`${id}-hint`} className={isUnusable ? 'hint hint-problem' : 'hint'} role="status">
          {hintOf(name, user)}
        </p>
        <button className="button button-primary" type="submit" disabled={!user}>
          Join the rooms
        </button>
      </form>
    </main>
  )
}

function hintOf(name: string, user: string): string {
  if (name.trim() === '') return 'No password: this is a demo on your own server.'
  if (user === '') return 'Use letters from a to z, digits, dots or dashes.'
  return user === name.trim() ? `Others see you as ${user}.` : `Others will see you as ${user}.`
}
