import {
  type Notification,
  type NotificationPreferences,
  type UseNotificationPreferencesResult,
} from '@tidewire/react'
import { WarningIcon } from '../parts/icons.tsx'
import { Notice, Skeleton } from '../parts/notice.tsx'
import { SideHead } from '../parts/side.tsx'
import { Switch } from '../parts/switch.tsx'
import { QuietForm } from './quiet-form.tsx'

interface SettingsProps {
  settings: UseNotificationPreferencesResult
  /** What came before tells which kinds there are. */
  items: readonly Notification[]
  onClose: () => void
}

const KNOWN: Readonly<Record<string, { title: string; hint: string }>> = {
  mention: { title: 'Mentions', hint: 'Somebody writes your name in a room.' },
  direct: { title: 'Direct messages', hint: 'Somebody writes to you alone.' },
}

/** Which kinds of notifications come in, and when nothing is pushed. Every change is kept at once. */
export function Settings({ settings, items, onClose }: SettingsProps) {
  const { preferences, error, save, reload } = settings
  return (
    <section className="settings" aria-label="Inbox settings" data-testid="settings">
      <SideHead title="Inbox settings" closes="the settings" onClose={onClose} />
      {preferences ? (
        <div className="settings-scroll">
          {error && (
            <p className="hint hint-problem" role="alert">
              Not kept. {error.message}
            </p>
          )}
          <Kinds preferences={preferences} items={items} onChange={(it) => void save(it)} />
          <QuietForm preferences={preferences} onChange={(it) => void save(it)} />
        </div>
      ) : error ? (
        <Notice icon={<WarningIcon size={24} />} isProblem>
          <p>{error.message}</p>
          <button type="button" className="button" onClick={() => void reload()}>
            Try again
          </button>
        </Notice>
      ) : (
        <Skeleton label="the settings" />
      )}
    </section>
  )
}

interface KindsProps {
  preferences: NotificationPreferences
  items: readonly Notification[]
  onChange: (preferences: NotificationPreferences) => void
}

function Kinds({ preferences, items, onChange }: KindsProps) {
  const { off } = preferences
  const kinds = new Set([...Object.keys(KNOWN), ...items.map(({ kind }) => kind), ...off])
  const toggle = (kind: string, isOn: boolean): void => {
    const others = off.filter((one) => one !== kind)
    onChange({ ...preferences, off: isOn ? others : [...others, kind] })
  }
  return (
    <fieldset className="settings-group">
      <legend>What comes into the inbox</legend>
      {[...kinds].map((kind) => (
        <Switch
          key={kind}
          title={KNOWN[kind]?.title ?? kind}
          hint={KNOWN[kind]?.hint}
          isOn={!off.includes(kind)}
          onChange={(isOn) => toggle(kind, isOn)}
        />
      ))}
    </fieldset>
  )
}
