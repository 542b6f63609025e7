import { useNow } from '../lib/hooks.ts'
import type { Thread } from '../lib/threads.ts'
import { ago, counted } from '../lib/words.ts'
import { Avatar } from '../parts/avatar.tsx'

interface ThreadLinkProps {
  thread: Thread
  isOpen: boolean
  onOpen: () => void
}

const SHOWN = 3

/** How many answers a message has, and the way to them. */
export function ThreadLink({ thread: { replies, users }, isOpen, onOpen }: ThreadLinkProps) {
  const now = useNow(60_000)
  const last = replies.at(-1)
  return (
    <button
      type="button"
      className="thread-link"
      data-testid="thread-link"
      aria-expanded={isOpen}
      onClick={onOpen}
    >
      <span className="avatar-row">
        {users.slice(-SHOWN).map((user) => (
          <Avatar key={user} user={user} size="tiny" />
        ))}
      </span>
      <span className="thread-count">{counted(replies.length, 'reply', 'replies')}</span>
      {last && <span className="thread-last ellipsis">{ago(last.at, now)}</span>}
    </button>
  )
}
