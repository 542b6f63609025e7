import { useState } from 'react'
import { isEmojiOnly, type Part, partsOf } from './lib/text.ts'

/** Text with its links and its code. */
export function RichText({ text }: { text: string }) {
  return partsOf(text).map((part, index) => (
    // The parts of a text never move.
    // oxlint-disable-next-line react/no-array-index-key
    <TextPart key={index} part={part} />
  ))
}

function TextPart({ part }: { part: Part }) {
  if (part.kind === 'text') return part.text
  if (part.kind === 'code') return <code dir="ltr">{part.text}</code>
  if (part.kind === 'block') return <pre dir="ltr">{part.text}</pre>
  return (
    <a href={part.href} target="_blank" rel="noopener noreferrer" dir="ltr">
      {part.text}
    </a>
  )
}

const LONG = 4000
const SHORTENED = 1200

/** What somebody wrote. A very long text is shortened until the reader wants all of it. */
export function MessageText({ text }: { text: string }) {
  const [isWhole, setIsWhole] = useState(text.length <= LONG)
  return (
    <>
      <div
        className="message-text"
        data-testid="text"
        dir="auto"
        data-emoji={isEmojiOnly(text) || undefined}
      >
        <RichText text={isWhole ? text : `${text.slice(0, SHORTENED)}…`} />
      </div>
      {!isWhole && (
        <button type="button" className="link-button message-more" onClick={() => setIsWhole(true)}>
          Show all {text.length.toLocaleString('en')} characters
        </button>
      )}
    </>
  )
}
