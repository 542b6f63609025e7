import { counted } from '../lib/words.ts'
import { CloseIcon, UpIcon } from '../parts/icons.tsx'
import type { Missed } from './use-missed.ts'

interface MissedBarProps {
  missed: Missed
  onShow: () => void
  onClose: () => void
}

/** How much was said while the connection was away, and the way to where it begins. */
export function MissedBar({ missed: { count, isMore }, onShow, onClose }: MissedBarProps) {
  return (
    <div className="missed" role="status" data-testid="missed">
      <button type="button" className="missed-show" onClick={onShow}>
        <UpIcon />
        <span>
          {isMore ? 'More than ' : ''}
          {counted(count, 'missed message')}
        </span>
      </button>
      <button type="button" className="missed-close" aria-label="Dismiss" onClick={onClose}>
        <CloseIcon />
      </button>
    </div>
  )
}
