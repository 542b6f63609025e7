import { type ErrorReason, ProtocolError } from '@tidewire/protocol'
import type { Observer, Refusal } from './ports/observer.ts'

/** Errors that say: you may not, or not so much. The others are mistakes and faults. */
const REFUSALS: ReadonlySet<ErrorReason> = new Set<ErrorReason>([
  'authentication_required',
  'authentication_failed',
  'session_expired',
  'forbidden',
  'rate_limited',
  'too_many_connections',
])

/** Tells the observer of an error that is a refusal. */
export function noteRefusal(
  observer: Observer,
  error: unknown,
  refusal: Omit<Refusal, 'reason'>,
): void {
  if (!(error instanceof ProtocolError) || !REFUSALS.has(error.reason)) return
  observer.refused({ reason: error.reason, ...refusal })
}
