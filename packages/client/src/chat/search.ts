import type { Tidewire } from '../client.ts'
import { askHttp } from '../http.ts'
import type { ListenerOptions } from '../types.ts'
import { isDirect } from './direct.ts'

/** A message as search finds it: with its text as it stands now, and without what hangs on it. */
export interface FoundMessage {
  readonly id: string
  /** Its place in the log. */
  readonly offset: number
  /** Who wrote it; undefined for what a server published. */
  readonly user: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number
  readonly content: string
}

/** A page of what was found, newest first. */
export interface FoundPage {
  readonly messages: readonly FoundMessage[]
  /** There are older ones: search again with `before` the last of these. */
  readonly more: boolean
}

export interface SearchOptions extends ListenerOptions {
  /** Messages before this offset. */
  before?: number | undefined
  /** Messages of a page, 1 to 100. Default 50. */
  limit?: number | undefined
}

interface Wire {
  messages: {
    message_id: string
    offset: number
    user?: string
    content: string
    timestamp: string
  }[]
  more: boolean
}

/** Over the HTTP API, whatever the transport. */
export async function search(
  client: Tidewire,
  name: string,
  query: string,
  { before, limit, signal }: SearchOptions = {},
): Promise<FoundPage> {
  const where = isDirect(name) ? 'channels' : 'rooms'
  const asked = new URLSearchParams({ q: query })
  if (before !== undefined) asked.set('before', `${before}`)
  if (limit !== undefined) asked.set('limit', `${limit}`)
  const path = `/v1/${where}/${encodeURIComponent(name)}/search?${asked}`
  const { messages, more } = (await askHttp(client, 'GET', path, { signal })) as Wire
  return {
    messages: messages.map(({ message_id: id, offset, user, content, timestamp }) => {
      return { id, offset, user, at: Date.parse(timestamp), content }
    }),
    more,
  }
}
