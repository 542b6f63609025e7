import { useId } from 'react'

interface SwitchProps {
  title: string
  hint?: string | undefined
  isOn: boolean
  onChange: (isOn: boolean) => void
}

/** On or off, and what that means. */
export function Switch({ title, hint, isOn, onChange }: SwitchProps) {
  const id = useId()
  return (
    <label className="switch">
      <span className="switch-words">
        <span className="switch-title">{title}</span>
        {hint !== undefined && (
          <span id={`${id}-hint`} className="switch-hint">
            {hint}
          </span>
        )}
      </span>
      <input
        type="checkbox"
        role="switch"
        checked={isOn}
        onChange={(event) => onChange(event.target.checked)}
        aria-label={title}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      />
    </label>
  )
}
