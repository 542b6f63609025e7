import type { ReactNode } from 'react'

interface PageHeadProps {
  icon: ReactNode
  title: string
  children?: ReactNode
}

/** The head of a place that is no room. */
export function PageHead({ icon, title, children }: PageHeadProps) {
  return (
    <header className="room-head">
      <h1>
        <span className="page-icon">{icon}</span>
        {title}
      </h1>
      {children}
    </header>
  )
}
