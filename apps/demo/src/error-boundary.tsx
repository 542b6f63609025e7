import { Component, type ReactNode } from 'react'
import { WarningIcon } from './parts/icons.tsx'
import { hrefOf } from './lib/places.ts'
import { FIRST_ROOM } from './lib/rooms.ts'
import { Notice } from './parts/notice.tsx'

/** Says so when the page broke, and offers the way out. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { isBroken: boolean }> {
  override state = { isBroken: false }

  static getDerivedStateFromError(): { isBroken: boolean } {
    return { isBroken: true }
  }

  override render(): ReactNode {
    if (!this.state.isBroken) return this.props.children
    return (
      <main className="broken">
        <Notice icon={<WarningIcon size={24} />} isProblem>
          <h2>This page stopped working</h2>
          <p>What was sent is safe in the log. Start again from the first room.</p>
          <button type="button" className="button" onClick={startAgain}>
            Start again
          </button>
        </Notice>
      </main>
    )
  }
}

function startAgain(): void {
  location.hash = hrefOf(FIRST_ROOM)
  location.reload()
}
