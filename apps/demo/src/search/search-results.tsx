import { type Found, useConnection, type UseSearchResult } from '@tidewire/react'
import { useEffect, useRef } from 'react'
import { useNow } from '../lib/hooks.ts'
import { labelOf } from '../lib/rooms.ts'
import { snippetOf } from '../lib/snippet.ts'
import { fullTime } from '../lib/time.ts'
import { ago, counted } from '../lib/words.ts'
import { Avatar } from '../parts/avatar.tsx'
import { RichText } from '../parts/rich-text.tsx'

interface SearchResultsProps {
  id: string
  search: UseSearchResult
  /** What is in the field now. */
  text: string
  chosen: number
  viewer: string
  isEverywhere: boolean
  onEverywhere: () => void
  onOpen: (found: Found) => void
}

/** What was found, or what there is to say instead. */
export function SearchResults(props: SearchResultsProps) {
  const { id, search, text, chosen, onOpen } = props
  const { messages, answered, loading, hasMore, error, loadMore } = search
  const { state } = useConnection()
  const list = useRef<HTMLUListElement>(null)
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: 'nearest' })
  }, [chosen])
  if (answered === undefined && !loading) return <Tips text={text} />
  return (
    <div className="search-scroll" aria-busy={loading}>
      {error && (
        <p className="hint hint-problem search-problem" role="alert">
          {messages.length > 0 ? 'Not every room could be searched. ' : ''}
          <RichText text={error.message} />
        </p>
      )}
      <ul ref={list} id={`${id}-list`} role="listbox" aria-label="Found messages">
        {messages.map((found, index) => (
          <Result
            key={`${found.name} ${found.id}`}
            id={`${id}-${index}`}
            found={found}
            query={answered ?? ''}
            isChosen={index === chosen}
            viewer={props.viewer}
            isEverywhere={props.isEverywhere}
            onOpen={() => onOpen(found)}
          />
        ))}
      </ul>
      {loading && state.name !== 'connected' ? (
        <p className="search-tip" role="status">
          Search waits for the connection.
        </p>
      ) : (
        answered === undefined && <Waiting />
      )}
      {answered !== undefined && messages.length === 0 && !error && !loading && (
        <Nothing {...props} query={answered} />
      )}
      {hasMore && messages.length > 0 && (
        <button
          type="button"
          className="link-button more search-more"
          onClick={() => void loadMore()}
        >
          {loading ? 'Looking further back' : 'Show older ones'}
        </button>
      )}
      <p className="visually-hidden" role="status">
        {answered !== undefined && !loading && counted(messages.length, 'message')}
      </p>
    </div>
  )
}

function Tips({ text }: { text: string }) {
  return (
    <p className="search-tip">
      {text === ''
        ? 'Type words of a message. Of the last one the beginning is enough.'
        : 'Type a letter or a number.'}
    </p>
  )
}

const WIDTHS = [64, 82, 48]

function Waiting() {
  return (
    <div className="search-waiting" role="status" aria-label="Searching">
      {WIDTHS.map((width) => (
        <span key={width} style={{ width: `${width}%` }} />
      ))}
    </div>
  )
}

function Nothing({ query, isEverywhere, onEverywhere }: SearchResultsProps & { query: string }) {
  return (
    <div className="search-tip" data-testid="search-nothing">
      <p>
        Nothing with “<bdi>{query}</bdi>” {isEverywhere ? 'in your rooms' : 'in this room'}.
      </p>
      {!isEverywhere && (
        <button type="button" className="button" onClick={onEverywhere}>
          Search everywhere
        </button>
      )}
    </div>
  )
}

interface ResultProps {
  id: string
  found: Found
  query: string
  isChosen: boolean
  viewer: string
  isEverywhere: boolean
  onOpen: () => void
}

function Result({ id, found, query, isChosen, viewer, isEverywhere, onOpen }: ResultProps) {
  const now = useNow(60_000)
  const author = found.user ?? 'server'
  const isDirect = found.name.startsWith('dm:')
  return (
    <li
      id={id}
      role="option"
      aria-selected={isChosen}
      className="found"
      data-testid="found"
      // The field keeps the focus; its arrow keys and Enter do the same.
      onPointerDown={(event) => event.preventDefault()}
      onClick={onOpen}
    >
      <Avatar user={author} size="small" />
      <span className="found-words">
        <span className="found-head">
          <bdi className="message-author ellipsis">{author}</bdi>
          {isEverywhere && (
            <span className="found-room ellipsis">
              {isDirect ? `with ${labelOf(found.name, viewer)}` : `#${found.name}`}
            </span>
          )}
          <time dateTime={new Date(found.at).toISOString()} title={fullTime(found.at)}>
            {ago(found.at, now)}
          </time>
        </span>
        <span className="found-text" dir="auto">
          {snippetOf(found.content, query).map(({ text, isMatch }, index) =>
            // The pieces of a text never move.
            // oxlint-disable-next-line react/no-array-index-key
            isMatch ? <mark key={index}>{text}</mark> : <span key={index}>{text}</span>,
          )}
        </span>
      </span>
    </li>
  )
}
