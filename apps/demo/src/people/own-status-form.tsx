import { useId } from 'react'
import { Dot } from './dot.tsx'
import { usePeople } from './people.tsx'
import { PersonAvatar } from './person-avatar.tsx'
import { AVAILABILITIES, LABELS, MAX_NOTE } from './status.ts'

/** What others see beside the viewer's name. It is told as it is typed. */
export function OwnStatusForm({ viewer }: { viewer: string }) {
  const { own, setOwn } = usePeople()
  const id = useId()
  return (
    <form className="own-status" onSubmit={(event) => event.preventDefault()}>
      <div className="own-status-head">
        <PersonAvatar user={viewer} />
        <bdi className="person-name ellipsis">{viewer}</bdi>
        <span className="muted own-status-you">you</span>
      </div>
      <fieldset className="segments">
        <legend className="visually-hidden">Your status</legend>
        {AVAILABILITIES.map((availability) => (
          <label key={availability} className="segment">
            <input
              type="radio"
              name={id}
              className="visually-hidden"
              checked={own.availability === availability}
              onChange={() => setOwn({ ...own, availability })}
            />
            <Dot availability={availability} />
            <span aria-hidden="true">{LABELS[availability]}</span>
          </label>
        ))}
      </fieldset>
      <input
        className="field"
        data-testid="own-note"
        value={own.note}
        onChange={(event) => setOwn({ ...own, note: event.target.value })}
        placeholder="What are you up to?"
        aria-label="A note beside your name"
        maxLength={MAX_NOTE}
        dir="auto"
      />
    </form>
  )
}
