import type { NotificationPreferences, QuietHours } from '@tidewire/react'
import { useId, useState } from 'react'
import { useNow } from '../lib/hooks.ts'
import { DEFAULT_QUIET, isQuietAt, ownTimeZone, placeOfZone } from '../lib/quiet.ts'
import { Switch } from '../parts/switch.tsx'

interface QuietFormProps {
  preferences: NotificationPreferences
  onChange: (preferences: NotificationPreferences) => void
}

/** When nothing is pushed. What comes then waits in the inbox. */
export function QuietForm({ preferences, onChange }: QuietFormProps) {
  const { quiet_hours: quiet } = preferences
  const set = (quiet_hours: QuietHours | null): void => onChange({ ...preferences, quiet_hours })
  return (
    <fieldset className="settings-group">
      <legend>Quiet hours</legend>
      <Switch
        title="Keep quiet for some hours"
        hint="What comes then waits in the inbox. Nothing is pushed to your devices."
        isOn={quiet !== null}
        onChange={(isOn) => set(isOn ? { ...DEFAULT_QUIET, time_zone: ownTimeZone() } : null)}
      />
      {quiet && <Hours quiet={quiet} onChange={set} />}
    </fieldset>
  )
}

interface HoursProps {
  quiet: QuietHours
  onChange: (quiet: QuietHours) => void
}

function Hours({ quiet, onChange }: HoursProps) {
  const id = useId()
  const now = useNow(30_000)
  // What is in the fields, also while it cannot be kept.
  const [draft, setDraft] = useState<{ from: string; to: string }>()
  const { from, to } = draft ?? quiet
  const isEmpty = from === to
  const change = (times: { from: string; to: string }): void => {
    const isWhole = times.from !== '' && times.to !== '' && times.from !== times.to
    setDraft(isWhole ? undefined : times)
    if (isWhole) onChange({ ...quiet, ...times })
  }
  const own = ownTimeZone()
  return (
    <div className="hours">
      <div className="hours-line">
        <label htmlFor={`${id}-from`}>From</label>
        <input
          id={`${id}-from`}
          className="field"
          type="time"
          value={from}
          onChange={({ target }) => change({ from: target.value, to })}
          aria-invalid={isEmpty}
          data-testid="quiet-from"
        />
        <label htmlFor={`${id}-to`}>to</label>
        <input
          id={`${id}-to`}
          className="field"
          type="time"
          value={to}
          onChange={({ target }) => change({ from, to: target.value })}
          aria-invalid={isEmpty}
          data-testid="quiet-to"
        />
      </div>
      {isEmpty ? (
        <p className="hint hint-problem" role="alert">
          They begin and end at the same time: choose another end.
        </p>
      ) : (
        <p className="hint" role="status">
          {isQuietAt(quiet, now) ? 'It is quiet now. ' : ''}
          By the clock in {placeOfZone(quiet.time_zone)}.{' '}
          {quiet.time_zone !== own && (
            <button
              type="button"
              className="link-button"
              onClick={() => onChange({ ...quiet, time_zone: own })}
            >
              Use {placeOfZone(own)}
            </button>
          )}
        </p>
      )}
    </div>
  )
}
