import { useConnection } from '@tidewire/react'
import { carrierOf } from '../lib/connection-words.ts'
import { PlugIcon, TickIcon } from '../parts/icons.tsx'

const HERE = ['Every message, in order', 'Sending, files and search', 'Your inbox and the feed']
const NOT_HERE = ['Who is here', 'Typing and read receipts', 'Unread counts of rooms']

/** What a connection without WebSocket carries, and what it does not. */
export function CarrierCard() {
  const { state } = useConnection()
  const carrier = carrierOf(state)
  if (carrier === undefined) return null
  return (
    <section className="carrier" aria-label="This connection" data-testid="carrier">
      <h3>
        <PlugIcon size={16} />
        Live {carrier}
      </h3>
      <ul className="carrier-list">
        {HERE.map((what) => (
          <li key={what}>
            <TickIcon />
            <span className="visually-hidden">Works: </span>
            {what}
          </li>
        ))}
      </ul>
      <p className="carrier-title">With WebSocket, also</p>
      <ul className="carrier-list carrier-missing">
        {NOT_HERE.map((what) => (
          <li key={what}>
            <span className="carrier-dot" aria-hidden="true" />
            {what}
          </li>
        ))}
      </ul>
      <button type="button" className="button" onClick={switchToWebSocket}>
        {isChosen() ? 'Use WebSocket' : 'Try WebSocket again'}
      </button>
    </section>
  )
}

/** The same in a line, where unread counts would stand. */
export function CarrierNote() {
  const { state } = useConnection()
  const carrier = carrierOf(state)
  if (carrier === undefined) return null
  return (
    <p className="carrier-note">
      <PlugIcon size={16} />
      <span>No unread counts {carrier}</span>
    </p>
  )
}

/** The address asks for this transport: see `Session`. */
const isChosen = (): boolean => new URLSearchParams(location.search).has('transport')

function switchToWebSocket(): void {
  const address = new URL(location.href)
  address.searchParams.delete('transport')
  if (address.href === location.href) location.reload()
  else location.href = address.href
}
