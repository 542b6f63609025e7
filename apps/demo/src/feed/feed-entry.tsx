import type { FeedEntry } from '@tidewire/react'
import { useState } from 'react'
import { useNow } from '../lib/hooks.ts'
import { fullTime } from '../lib/time.ts'
import { ago, listed } from '../lib/words.ts'
import { Avatar } from '../parts/avatar.tsx'
import { RichText } from '../parts/rich-text.tsx'

interface FeedEntryCardProps {
  entry: FeedEntry
  viewer: string
  /** The viewer cheered it before. */
  isCheered: boolean
  onCheer: (object: string) => Promise<unknown>
}

/** What a cheer names: the post, and whose it is. */
export function postOf({ actors, id }: FeedEntry): string {
  return `post:${actors[0] ?? ''}/${id}`
}

/** One deed, with everybody who did it. */
export function FeedEntryCard({ entry, viewer, isCheered, onCheer }: FeedEntryCardProps) {
  const { actors, others, verb, object, text, at } = entry
  const now = useNow(60_000)
  const time = Date.parse(at)
  return (
    <li className="card" data-testid="feed-entry" data-verb={verb}>
      <div className="card-main">
        <span className="avatar-stack">
          {actors.slice(0, 3).map((actor) => (
            <Avatar key={actor} user={actor} />
          ))}
        </span>
        <span className="card-words">
          <span className="card-title" dir="auto">
            <bdi>{whoOf(actors, others, viewer)}</bdi>{' '}
            <span className="card-verb">{wordsOf(verb, object)}</span>
          </span>
          {text !== undefined && text !== '' && (
            <span className="card-body" data-testid="feed-text" dir="auto">
              <RichText text={text} />
            </span>
          )}
          <span className="card-meta">
            <time dateTime={at} title={fullTime(time)}>
              {ago(time, now)}
            </time>
            {verb === 'posted' && actors[0] !== viewer && (
              <Cheer isCheered={isCheered} onCheer={() => onCheer(postOf(entry))} />
            )}
          </span>
        </span>
      </div>
    </li>
  )
}

function Cheer({ isCheered, onCheer }: { isCheered: boolean; onCheer: () => Promise<unknown> }) {
  const [isPressed, setIsPressed] = useState(false)
  const isDone = isPressed || isCheered
  const press = (): void => {
    if (isDone) return
    setIsPressed(true)
    onCheer().catch(() => setIsPressed(false))
  }
  return (
    <button type="button" className="link-button" aria-disabled={isDone} onClick={press}>
      {isDone ? 'Cheered' : 'Cheer'}
    </button>
  )
}

/** `ada`, `ada and bob`, `ada, bob, cleo and 3 others`. */
function whoOf(actors: readonly string[], others: number, viewer: string): string {
  const names = actors.map((actor) => (actor === viewer ? 'You' : actor))
  if (others === 0) return listed(names)
  return `${names.join(', ')} and ${others} ${others === 1 ? 'other' : 'others'}`
}

/** A cheer names the post as `post:<author>/<id>`. */
function wordsOf(verb: string, object: string | undefined): string {
  if (verb === 'cheered' && object?.startsWith('post:')) {
    const [author = ''] = object.slice('post:'.length).split('/')
    return `cheered a post of ${author}`
  }
  return object === undefined ? verb : `${verb} ${object}`
}
