import type { TidewireError } from '@tidewire/react'
import { hrefOf } from '../lib/places.ts'
import { FIRST_ROOM } from '../lib/rooms.ts'
import { Mark, WarningIcon } from '../parts/icons.tsx'
import { Notice } from '../parts/notice.tsx'
import { RichText } from '../parts/rich-text.tsx'

export function EmptyRoom({ label, isDirect }: { label: string; isDirect: boolean }) {
  return (
    <Notice icon={<Mark size={24} />}>
      <h2>{isDirect ? `You and ${label}` : `Nothing in ${label} yet`}</h2>
      <p>
        {isDirect
          ? 'Only the two of you can read what is written here.'
          : 'Write the first message. Everyone who opens this room will find it here.'}
      </p>
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
      <a className="button" href={hrefOf(FIRST_ROOM)}>
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
