import { useConnection, useRoom } from '@tidewire/react'
import type { CSSProperties } from 'react'
import { connectionWords } from './lib/connection-words.ts'
import { useNow } from './lib/hooks.ts'
import { nameOf } from './lib/rooms.ts'
import { RichText } from './parts/rich-text.tsx'

/** The connection itself: a line while all is well, a sentence when it is not. `room`: the channel of the one that is open. */
export function TideLine({ room }: { room: string | null }) {
  const { state, waiting, connect } = useConnection()
  const { status } = useRoom(room && nameOf(room))
  const now = useNow(250, state.name === 'reconnecting')
  const { tone, sentence, spoken, action } = connectionWords(state, status === 'joining', now)
  const transport = 'transport' in state ? state.transport : undefined
  return (
    <div
      className="tide"
      data-testid="connection"
      data-state={state.name}
      data-transport={transport}
      data-tone={tone}
    >
      <div className="tide-track">
        <div
          className="tide-water"
          // A new wait is a new ebb.
          key={state.name === 'reconnecting' ? state.retryAt : tone}
          style={tone === 'waiting' ? ebb(state) : undefined}
        />
      </div>
      <div className="tide-banner">
        <div className="tide-words">
          <span aria-hidden="true">
            <RichText text={sentence ?? ''} />
          </span>
          {sentence !== undefined && waiting > 0 && (
            <span className="badge" data-testid="waiting">
              {waiting} waiting
            </span>
          )}
          {action !== undefined && (
            <button type="button" className="button button-small" onClick={connect}>
              {action}
            </button>
          )}
        </div>
      </div>
      <p className="visually-hidden" role="status">
        {spoken ?? 'Connected.'}
      </p>
    </div>
  )
}

/** The line runs out over the wait, however late it is first drawn. */
function ebb(state: ReturnType<typeof useConnection>['state']): CSSProperties {
  const left = state.name === 'reconnecting' ? Math.max(0, state.retryAt - Date.now()) : 0
  return { animationDuration: `${left}ms` }
}
