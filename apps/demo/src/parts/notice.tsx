import type { ReactNode } from 'react'

interface NoticeProps {
  icon: ReactNode
  children: ReactNode
  isProblem?: boolean
}

/** What stands where there is nothing else to show. */
export function Notice({ icon, children, isProblem = false }: NoticeProps) {
  return (
    <div className="notice" data-problem={isProblem || undefined}>
      <div className="notice-icon">{icon}</div>
      {children}
    </div>
  )
}

const LINES = [72, 48, 88, 34, 64, 52]

/** Appears only when loading takes long enough to be noticed. `label`: what is loading. */
export function Skeleton({ label }: { label: string }) {
  return (
    <div className="skeleton" role="status" aria-label={`Loading ${label}`}>
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
