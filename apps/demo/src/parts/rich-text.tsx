import { useState } from 'react'
import { isEmojiOnly, type Part, partsOf } from '../lib/text.ts'

interface RichTextProps {
  text: string
  /** Users who are meant where the text says `@id`. */
  mentions?: readonly string[] | undefined
  /** Whoever reads it: a mention of them stands out. */
  viewer?: string | undefined
}

/** Text with its links, its code and whom it mentions. */
export function RichText({ text, mentions, viewer }: RichTextProps) {
  return partsOf(text, mentions).map((part, index) => (
    // The parts of a text never move.
    // oxlint-disable-next-line react/no-array-index-key
    <TextPart key={index} part={part} viewer={viewer} />
  ))
}

function TextPart({ part, viewer }: { part: Part; viewer: string | undefined }) {
  if (part.kind === 'text') return part.text
  if (part.kind === 'code') return <code dir="ltr">{part.text}</code>
  if (part.kind === 'block') return <pre dir="ltr">{part.text}</pre>
  if (part.kind === 'mention') {
    return (
      <bdi className="mention" data-me={part.user === viewer || undefined} data-testid="mention">
        {part.text}
      </bdi>
    )
  }
  return (
    <a href={part.href} target="_blank" rel="noopener noreferrer" dir="ltr">
      {part.text}
    </a>
  )
}

const LONG = 4000
const SHORTENED = 1200

/** What somebody wrote. A very long text is shortened until the reader wants all of it. */
export function MessageText({
  text,
  mentions,
  viewer,
  isEdited,
}: RichTextProps & { isEdited: boolean }) {
  const [wantsAll, setWantsAll] = useState(false)
  const isWhole = wantsAll || text.length <= LONG
  return (
    <>
      <div className="message-text" dir="auto" data-emoji={isEmojiOnly(text) || undefined}>
        <div className="message-words" data-testid="text">
          <RichText
            text={isWhole ? text : `${text.slice(0, SHORTENED)}…`}
            mentions={mentions}
            viewer={viewer}
          />
        </div>
        {isEdited && <span className="message-edited">edited</span>}
      </div>
      {!isWhole && (
        <button
          type="button"
          className="link-button message-more"
          onClick={() => setWantsAll(true)}
        >
          Show all {text.length.toLocaleString('en')} characters
        </button>
      )}
    </>
  )
}
