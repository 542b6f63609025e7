import type { Command } from '../core.ts'
import { DEFAULT_LIMIT } from '../history.ts'
import { parse } from './parse.ts'

export const history: Command = async (session, envelope, core) => {
  const { channel, limit = DEFAULT_LIMIT, ...bounds } = parse('history', envelope.payload)
  const request = { ...bounds, limit: session.takeHistory(limit) }
  const page = await session.page(() => core.read(session.actor!, channel, request))
  return { type: 'history', payload: { channel, ...page } }
}
