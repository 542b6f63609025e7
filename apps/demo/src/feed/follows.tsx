import { useState } from 'react'
import { PlusIcon, TickIcon } from '../parts/icons.tsx'
import { usePeople } from '../people/people.tsx'
import { PersonAvatar } from '../people/person-avatar.tsx'
import type { Following } from './use-following.ts'

const SHOWN = 8

/** The people that one may follow: those whom one follows first. */
export function Follows({ following }: { following: Following }) {
  const { people } = usePeople()
  const { users, problem, toggle } = following
  const [isWhole, setIsWhole] = useState(false)
  const known = new Set(people.map(({ user }) => user))
  // A place in the list is kept while somebody presses there.
  const all = [...known, ...[...users].filter((user) => !known.has(user))]
  if (all.length === 0) {
    return <p className="hint">You have met nobody yet. Open a second window with another name.</p>
  }
  return (
    <section className="follows" aria-label="Follow">
      <ul>
        {(isWhole ? all : all.slice(0, SHOWN)).map((user) => {
          const isFollowed = users.has(user)
          return (
            <li key={user}>
              <button
                type="button"
                className="follow"
                data-testid="follow"
                aria-pressed={isFollowed}
                aria-label={isFollowed ? `You follow ${user}` : `Follow ${user}`}
                onClick={() => toggle(user)}
              >
                <PersonAvatar user={user} size="tiny" />
                <bdi className="ellipsis">{user}</bdi>
                {isFollowed ? <TickIcon /> : <PlusIcon />}
              </button>
            </li>
          )
        })}
      </ul>
      {all.length > SHOWN && !isWhole && (
        <button type="button" className="link-button" onClick={() => setIsWhole(true)}>
          Show all {all.length}
        </button>
      )}
      {problem !== undefined && (
        <p className="hint hint-problem" role="alert">
          {problem}
        </p>
      )}
    </section>
  )
}
