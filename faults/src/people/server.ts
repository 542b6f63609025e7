import type { ServerKey } from '@tidewire/server'
import type { ServerProcessOptions } from '../rig/server-process.ts'

/** What differs from the defaults, so that a run need not wait for them. Milliseconds. */
export interface PeopleTerms {
  /** How long a user stays present who was lost. */
  graceMs?: number
  /** Of the first wait after a push failed. */
  retryMs?: number
  heartbeatMs?: number
  /** The key that an application sends notifications with. */
  serverKey?: ServerKey
}

const SERVE = new URL('./serve.ts', import.meta.url).pathname

/** A process that embeds the server, with the features that concern people. */
export function peopleServer(terms: PeopleTerms): ServerProcessOptions {
  return { program: [SERVE, JSON.stringify(terms)] }
}
