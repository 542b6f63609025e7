import type { TidewireError } from '@tidewire/react'
import type { ReactNode } from 'react'
import { Mark, WarningIcon } from './icons.tsx'
import { hrefOf, labelOf } from './lib/rooms.ts'
import { RichText } from './rich-text.tsx'

interface NoticeProps {
  icon: ReactNode
  children: ReactNode
  isProblem?: boolean
}

export function Notice({ icon, children, isProblem = false }: NoticeProps) {
  return (
    <div className="notice" data-problem={isProblem || undefined}>
      <div className="notice-icon">{icon}</div>
      {children}
    </div>
  )
}

export function EmptyRoom({ room, expired }: { room: string; expired: boolean }) {
  return (
    <Notice icon={<Mark size={24} />}>
      <h2>{expired ? 'The history here has expired' : `Nothing in ${labelOf(room)} yet`}</h2>
      <p>Write the first message. Everyone who opens this room will find it here.</p>
    </Notice>
  )
}

export function Refused({ error }: { error: TidewireError }) {
  return (
    <Notice icon={<WarningIcon size={24} />} isProblem>
      <h2>
        {error.reason === 'forbidden' ? 'You may not read this room' : 'This room did not open'}
      </h2>
      <p>
        <RichText text={error.message} />
      </p>
      <a className="button" href={hrefOf('chat:general')}>
        Go to general
      </a>
    </Notice>
  )
}

export function Stopped({ message, onRetry }: { message: string; onRetry: () => void }) {
  return (
    <Notice icon={<WarningIcon size={24} />} isProblem>
      <h2>There is no connection</h2>
      <p>
        <RichText text={message} />
      </p>
      <button type="button" className="button" onClick={onRetry}>
        Try again
      </button>
    </Notice>
  )
}

const LINES = [72, 48, 88, 34, 64, 52]

/** Appears only when loading takes long enough to be noticed. */
export function Skeleton() {
  return (
    <div className="skeleton" role="status" aria-label="Loading messages">
      {LINES.map((width) => (
        <div key={width} className="skeleton-row" aria-hidden="true">
          <span className="avatar" />
          <span className="skeleton-lines">
            <span style={{ width: `${width / 4}%` }} />
            <span style={{ width: `${width}%` }} />
          </span>
        </div>
      ))}
    </div>
  )
}
