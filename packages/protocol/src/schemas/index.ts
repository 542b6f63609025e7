import type { z } from 'zod'
import * as call from './call.ts'
import * as connection from './connection.ts'
import { error } from './error.ts'
import * as history from './history.ts'
import { ack } from './publish.ts'
import * as subscribe from './subscribe.ts'

/** The payload schema of every reserved type that a client sends. */
export const up = {
  auth: connection.auth,
  refresh: connection.refresh,
  ping: connection.ping,
  subscribe: subscribe.subscribe,
  unsubscribe: subscribe.unsubscribe,
  history: history.history,
  result: call.result,
} as const

/** The payload schema of every reserved type that the server sends. */
export const down = {
  connection_established: connection.connection_established,
  auth_response: connection.auth_response,
  auth_expiring: connection.auth_expiring,
  pong: connection.pong,
  server_shutdown: connection.server_shutdown,
  subscribed: subscribe.subscribed,
  unsubscribed: subscribe.unsubscribed,
  reset: subscribe.reset,
  ack,
  history: history.history_page,
  call: call.call,
  error,
} as const

export type Up = { [Type in keyof typeof up]: z.infer<(typeof up)[Type]> }
export type Down = { [Type in keyof typeof down]: z.infer<(typeof down)[Type]> }
