import { useNow } from '../lib/hooks.ts'
import { labelOf } from '../lib/rooms.ts'
import type { Beginning } from '../lib/rows.ts'
import { dayName } from '../lib/time.ts'

export function DaySeparator({ day }: { day: number }) {
  const now = useNow(60_000)
  return (
    <div className="separator" role="separator">
      <span>{dayName(day, now)}</span>
    </div>
  )
}

export function NewSeparator() {
  return (
    <div className="separator separator-new" role="separator" data-testid="new">
      <span>New</span>
    </div>
  )
}

interface BeginningRowProps {
  beginning: Beginning
  room: string
  viewer: string
  isLoading: boolean
  onOlder: () => void
}

export function BeginningRow({ beginning, room, viewer, isLoading, onOlder }: BeginningRowProps) {
  if (isLoading) return <p className="beginning beginning-more">Loading older messages</p>
  if (beginning === 'more' || beginning === 'failed') {
    return (
      <p className="beginning beginning-more">
        {beginning === 'failed' && <span role="alert">Older messages could not be loaded. </span>}
        <button type="button" className="link-button" onClick={onOlder}>
          {beginning === 'failed' ? 'Retry' : 'Look further back'}
        </button>
      </p>
    )
  }
  if (beginning === 'start') return <Start room={room} viewer={viewer} />
  return (
    <p className="beginning beginning-gap" data-testid="gap">
      {GAPS[beginning]}
    </p>
  )
}

function Start({ room, viewer }: { room: string; viewer: string }) {
  const label = labelOf(room, viewer)
  const isDirect = room.startsWith('dm:')
  return (
    <div className="beginning beginning-start">
      <h2>
        {!isDirect && (
          <span className="hash" aria-hidden="true">
            #
          </span>
        )}
        {label}
      </h2>
      <p>{isDirect ? `This is where your talk with ${label} begins.` : START}</p>
    </div>
  )
}

const START = 'This is where the room begins.'

const GAPS = {
  expired: 'History before this point has expired.',
  restarted: 'The log began a new epoch. This is what it holds.',
}
