import { listed } from '../lib/words.ts'
import { Avatar } from '../parts/avatar.tsx'

const SHOWN = 3

/** Who has read up to this message. */
export function SeenBy({ users }: { users: readonly string[] }) {
  const words = `Seen by ${listed(users, 6)}`
  const others = users.length - SHOWN
  return (
    <span className="seen" data-testid="seen" title={words}>
      {users.slice(0, SHOWN).map((user) => (
        <Avatar key={user} user={user} size="tiny" />
      ))}
      {others > 0 && <span aria-hidden="true">+{others}</span>}
      <span className="visually-hidden">{words}</span>
    </span>
  )
}
