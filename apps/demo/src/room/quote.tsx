import type { ChatMessage } from '@tidewire/react'
import { authorOf } from '../lib/rows.ts'
import { ReplyIcon } from '../parts/icons.tsx'

interface QuoteProps {
  message: ChatMessage | undefined
  viewer: string
  onOpen: () => void
}

/** The message that another one answers, in one line. */
export function Quote({ message, viewer, onOpen }: QuoteProps) {
  if (!message) {
    return (
      <button type="button" className="quote quote-lost" onClick={onOpen}>
        <ReplyIcon />
        <span className="ellipsis">An answer to an earlier message</span>
      </button>
    )
  }
  return (
    <button type="button" className="quote" data-testid="quote" onClick={onOpen}>
      <ReplyIcon />
      <bdi className="quote-author">{authorOf(message, viewer)}</bdi>
      <span className="ellipsis" dir="auto">
        {gistOf(message)}
      </span>
    </button>
  )
}

/** A message in a few words. */
export function gistOf({ content, deleted, attachments }: ChatMessage): string {
  if (deleted) return 'Deleted message'
  return content.slice(0, 200) || (attachments[0]?.name ?? '')
}
