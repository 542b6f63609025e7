import { useTyping } from '@tidewire/react'
import { listed } from '../lib/words.ts'

/** Who writes now. Its place is there before anybody does. */
export function TypingLine({ name }: { name: string | null }) {
  const { typing } = useTyping(name)
  const words = typing.length > 3 ? 'Several people are typing' : wordsOf(typing)
  return (
    <p className="typing" data-testid="typing" role="status">
      {typing.length > 0 && (
        <>
          <span className="typing-dots" aria-hidden="true">
            <span />
            <span />
            <span />
          </span>
          <span className="ellipsis">{words}…</span>
        </>
      )}
    </p>
  )
}

function wordsOf(users: readonly string[]): string {
  return `${listed(users)} ${users.length === 1 ? 'is' : 'are'} typing`
}
