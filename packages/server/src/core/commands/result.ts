import type { Command } from '../core.ts'
import { parse } from './parse.ts'

/** A client's answer to a `call`. */
export const result: Command = (session, envelope, core) => {
  const answer = parse('result', envelope.payload)
  core.calls.answer(session.user, envelope.metadata.correlation_id, answer)
  return undefined
}
