import { Avatar } from '../parts/avatar.tsx'
import type { Mention } from './use-mention.ts'

/** The people that a mention may mean. The field above keeps the focus. */
export function MentionList({ id, mention }: { id: string; mention: Mention }) {
  const { choices, chosen, take } = mention
  return (
    <>
      <ul id={id} className="mentions" role="listbox" aria-label="People" data-testid="mentions">
        {choices.map((user, index) => (
          <li
            key={user}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === chosen}
            // Before the field loses the focus.
            onPointerDown={(event) => {
              event.preventDefault()
              take(user)
            }}
          >
            <Avatar user={user} size="small" />
            <bdi className="ellipsis">{user}</bdi>
          </li>
        ))}
      </ul>
      <p className="visually-hidden" role="status">
        {`${choices[chosen] ?? ''}. Enter mentions, arrow keys choose.`}
      </p>
    </>
  )
}
