import type { Up } from '@tidewire/protocol'
import type { Command } from '../core.ts'
import { auth, refresh } from './auth.ts'
import { history } from './history.ts'
import { ping } from './ping.ts'
import { result } from './result.ts'
import { subscribe } from './subscribe.ts'
import { unsubscribe } from './unsubscribe.ts'

/** What the server does with each reserved type a client sends. A type without a command does not compile. */
export const commands = {
  auth,
  refresh,
  ping,
  subscribe,
  unsubscribe,
  history,
  result,
} satisfies { [Type in keyof Up]: Command }
