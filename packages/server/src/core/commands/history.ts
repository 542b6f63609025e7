import type { Command } from '../core.ts'
import { parse } from './parse.ts'

export const history: Command = async (session, envelope, core) => {
  const { channel, ...request } = parse('history', envelope.payload)
  const page = await session.page(() => core.history(session.actor!, channel, request))
  return { type: 'history', payload: { channel, ...page } }
}
