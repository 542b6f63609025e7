import { useFeed } from '@tidewire/react'
import { type SubmitEvent, useState } from 'react'
import { Avatar } from '../parts/avatar.tsx'
import { FeedIcon, WarningIcon } from '../parts/icons.tsx'
import { More } from '../parts/more.tsx'
import { Notice, Skeleton } from '../parts/notice.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { FeedEntryCard, postOf } from './feed-entry.tsx'
import { Follows } from './follows.tsx'
import { useFollowing } from './use-following.ts'

/** What those whom the viewer follows did, and what the viewer tells those who follow. */
export function Feed({ viewer }: { viewer: string }) {
  const feed = useFeed(viewer)
  const { entries, loading, error, post } = feed
  const following = useFollowing(feed)
  const cheered = new Set(
    entries
      .filter(({ verb, actors }) => verb === 'cheered' && actors.includes(viewer))
      .map(({ object }) => object),
  )
  const cheer = (object: string): Promise<unknown> => post({ verb: 'cheered', object })
  return (
    <main className="page" data-testid="feed">
      <PageHead icon={<FeedIcon />} title="Feed" />
      <div className="page-scroll">
        <div className="page-content feed-content">
          <PostForm viewer={viewer} onPost={(text) => post({ verb: 'posted', text })} />
          <Follows following={following} />
          {entries.length > 0 ? (
            <ul className="cards" aria-label="Feed">
              {entries.map((entry) => (
                <FeedEntryCard
                  key={`${entry.verb} ${entry.object ?? entry.id} ${entry.first_at}`}
                  entry={entry}
                  viewer={viewer}
                  isCheered={cheered.has(postOf(entry))}
                  onCheer={cheer}
                />
              ))}
            </ul>
          ) : error && !loading ? (
            <Notice icon={<WarningIcon size={24} />} isProblem>
              <h2>The feed did not open</h2>
              <p>{error.message}</p>
            </Notice>
          ) : loading ? (
            <Skeleton label="the feed" />
          ) : (
            <Notice icon={<FeedIcon size={24} />}>
              <h2>Quiet so far</h2>
              <p>Follow somebody, and what they post from then on appears here.</p>
            </Notice>
          )}
          {feed.hasMore && <More isLoading={feed.loadingMore} onMore={feed.loadMore} />}
        </div>
      </div>
    </main>
  )
}

interface PostFormProps {
  viewer: string
  onPost: (text: string) => Promise<unknown>
}

function PostForm({ viewer, onPost }: PostFormProps) {
  const [text, setText] = useState('')
  const [problem, setProblem] = useState<string>()
  // It stays in the field until it is out: what was written is on the screen at every moment.
  const [isPosting, setIsPosting] = useState(false)
  const isEmpty = text.trim() === ''
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    if (isEmpty || isPosting) return
    setIsPosting(true)
    setProblem(undefined)
    onPost(text.trim())
      .then(
        () => setText(''),
        (error: Error) => setProblem(error.message),
      )
      .finally(() => setIsPosting(false))
  }
  return (
    <form className="post" onSubmit={submit}>
      <Avatar user={viewer} />
      <div className="post-main">
        <input
          className="field"
          data-testid="post"
          value={text}
          readOnly={isPosting}
          aria-busy={isPosting}
          onChange={(event) => setText(event.target.value)}
          placeholder="What is new?"
          aria-label="A post for your followers"
          maxLength={500}
          dir="auto"
        />
        {problem !== undefined && (
          <p className="hint hint-problem" role="alert">
            {problem}
          </p>
        )}
      </div>
      <button type="submit" className="button button-primary" disabled={isEmpty || isPosting}>
        {isPosting ? 'Posting' : 'Post'}
      </button>
    </form>
  )
}
