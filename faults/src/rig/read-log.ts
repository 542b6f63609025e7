import type { Publication } from '@tidewire/protocol'
import type { HistoryRead } from '../history/events.ts'
import { valueOf } from './body.ts'

interface Page {
  epoch: string
  oldest: number
  newest: number
  publications: Publication[]
  more: boolean
}

const LIMIT = 500

/** The whole log of a channel, page by page, as `GET /v1/channels/{channel}/publications` gives it. */
export async function readLog(
  url: string,
  token: string,
  channel: string,
): Promise<Omit<HistoryRead, 't'>> {
  const items: HistoryRead['items'] = []
  const path = `${url}/v1/channels/${encodeURIComponent(channel)}/publications`
  for (let after = 0; ; after = items.at(-1)![0]) {
    const ask = () =>
      fetch(`${path}?after=${after}&limit=${LIMIT}`, {
        headers: { authorization: `Bearer ${token}` },
      })
    // A connection that was kept may be closed by the server just when it is used again.
    const response = await ask().catch(ask)
    if (!response.ok) throw new Error(`The log of ${channel} answered ${response.status}.`)
    const { epoch, oldest, newest, publications, more } = (await response.json()) as Page
    for (const { payload, metadata } of publications) {
      items.push([metadata.offset ?? -1, valueOf(payload)])
    }
    if (!more || publications.length === 0) {
      return { type: 'hist', client: 'controller', channel, epoch, oldest, newest, items }
    }
  }
}
