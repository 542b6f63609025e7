import type { Position, Tidewire } from '@tidewire/client'
import type { HistoryRead } from '../history/events.ts'
import { valueOf } from '../rig/body.ts'

/** A whole log, as it is at the end. */
type FinalLog = Omit<HistoryRead, 't'>

const PAGE = 500

/** Where the logs of the channels end. */
export async function topsOf(
  client: Tidewire,
  channels: readonly string[],
): Promise<Map<string, Position>> {
  const tops = channels.map(async (name): Promise<[string, Position]> => {
    const { epoch, newest } = await client.channel(name).history({ limit: 1 })
    return [name, { epoch, offset: newest }]
  })
  return new Map(await Promise.all(tops))
}

export function topOf({ channel, epoch, newest }: FinalLog): [string, Position] {
  return [channel, { epoch, offset: newest }]
}

export async function readLog(client: Tidewire, channel: string): Promise<FinalLog> {
  const items: [offset: number, value: string][] = []
  for (;;) {
    const after = items.at(-1)?.[0] ?? 0
    const page = await client.channel(channel).history({ after, limit: PAGE })
    for (const { payload, metadata } of page.publications) {
      items.push([metadata.offset ?? -1, valueOf(payload)])
    }
    if (page.more) continue
    const { epoch, oldest, newest } = page
    return { type: 'hist', client: 'last', channel, epoch, oldest, newest, items }
  }
}
