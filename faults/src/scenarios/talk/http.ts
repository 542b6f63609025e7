import type { Publication } from '@tidewire/protocol'
import { pause } from '../../rig/until.ts'

const PAGE = 100
const LOG_PAGE = 500
const GIVES_UP_MS = 20_000
const AGAIN_MS = 50

/** Asks over HTTP. A connection that was kept may be closed by the server just when it is used again. */
export async function ask<T>(
  url: string,
  token: string,
  method: string,
  path: string,
  body?: object,
): Promise<T> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
  const once = (): Promise<Response> => fetch(`${url}${path}`, init)
  const response = await once().catch(once)
  if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}.`)
  return (await response.json()) as T
}

/** Asks until there is an answer, whatever happens to the server meanwhile: only what may arrive twice. */
export async function insist<T>(...request: Parameters<typeof ask>): Promise<T> {
  const deadline = performance.now() + GIVES_UP_MS
  for (;;) {
    try {
      return await ask<T>(...request)
    } catch (error) {
      if (performance.now() > deadline) throw error
      await pause(AGAIN_MS)
    }
  }
}

/** The whole log of a channel. */
export async function logOf(url: string, token: string, channel: string): Promise<Publication[]> {
  const path = `/v1/channels/${encodeURIComponent(channel)}/publications`
  const publications: Publication[] = []
  for (;;) {
    const after = publications.at(-1)?.metadata.offset ?? 0
    const query = `?after=${after}&limit=${LOG_PAGE}`
    const page = await ask<{ publications: Publication[]; more: boolean }>(
      url,
      token,
      'GET',
      `${path}${query}`,
    )
    publications.push(...page.publications)
    if (!page.more || page.publications.length === 0) return publications
  }
}

export interface InboxEntry {
  id: string
  read: boolean
  /** Of one that tells of a message. */
  data?: { channel?: string; message_id?: string }
}

/** The whole inbox of a user, newest first. */
export async function inboxOf(
  url: string,
  token: string,
): Promise<{ entries: InboxEntry[]; unread: number }> {
  const entries: InboxEntry[] = []
  for (;;) {
    const before = entries.at(-1)?.id
    const query = new URLSearchParams({ limit: String(PAGE), ...(before && { before }) })
    const page = await ask<{ notifications: InboxEntry[]; more: boolean; unread: number }>(
      url,
      token,
      'GET',
      `/v1/notifications?${query}`,
    )
    entries.push(...page.notifications)
    if (!page.more) return { entries, unread: page.unread }
  }
}
