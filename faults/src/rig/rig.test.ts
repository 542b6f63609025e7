import { rmSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { check } from '../history/checker.ts'
import { readHistory } from '../history/recorder.ts'
import { copyMessages } from '../proxy/websocket-filter.ts'
import { type Load, standardLoad } from './load.ts'
import { run } from './run.ts'
import { until } from './until.ts'

const HISTORY = new URL('../../histories/self-test-1.jsonl', import.meta.url).pathname
const readers = { websocket: 3, sse: 0, poll: 0, clientWebsocket: 0, clientSse: 0, clientPoll: 0 }
const load: Load = { ...standardLoad('live', 0.1), readers, channels: 1, channelsPerReader: 1 }

/** A run in which the network does to some deliveries what no network may do. */
function runWith(copiesOfEvery20th: number) {
  return run({
    scenario: 'self-test',
    seed: 1,
    load,
    faults: async (rig) => {
      let count = 0
      const copies = (text: string) => {
        const isDelivery = text.includes('"type":"message"')
        return isDelivery && (count += 1) % 20 === 0 ? copiesOfEvery20th : 1
      }
      const make = () => copyMessages(copies)
      rig.downlink.add({ type: 'filter', stream: 'downstream', make })
      // The filter meets connections that begin with it.
      rig.downlink.sever()
      await until(
        () => count > 100,
        () => `${count} deliveries`,
        10_000,
      )
      return []
    },
    rules: () => ({}),
  })
}

afterEach(() => rmSync(HISTORY, { force: true }))

describe('the rig', { timeout: 60_000 }, () => {
  it('finds nothing wrong when nothing is', async () => {
    const { ok, failures, figures, anomalies } = await runWith(1)
    expect(failures).toEqual([])
    expect(anomalies).toEqual({})
    expect(ok).toBe(true)
    expect(figures.delivered).toBeGreaterThan(100)
  })

  it('notices deliveries that are lost on the way, and keeps the history', async () => {
    const { ok, anomalies, history } = await runWith(0)
    expect(ok).toBe(false)
    expect(anomalies.gap).toBeGreaterThan(0)
    const kept = check(readHistory(history!))
    expect(kept.counts.gap).toBe(anomalies.gap)
  })

  it('notices deliveries that come twice', async () => {
    const { ok, anomalies } = await runWith(2)
    expect(ok).toBe(false)
    expect(anomalies['dup-or-reorder']).toBeGreaterThan(0)
  })
})
