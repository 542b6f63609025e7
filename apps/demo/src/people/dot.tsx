import { type Availability, LABELS } from './status.ts'

/** Whether somebody is there: told by its shape as well as by its colour. */
export function Dot({ availability }: { availability: Availability }) {
  return (
    <span className="dot" data-availability={availability} title={LABELS[availability]}>
      <span className="visually-hidden">{LABELS[availability]}</span>
    </span>
  )
}
