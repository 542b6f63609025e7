import { describe, expect, test } from 'vitest'

import type { ChannelsSample } from '../channels.ts'
import { peerNamed } from '../peers.ts'
import { toOutcome } from './s7-ingest.ts'

function sampleOf(rest: Partial<ChannelsSample>): ChannelsSample {
  return {
    seconds: 2,
    deliveries: 40_000,
    publications: 40_000,
    acks: 40_000,
    offered: 0,
    cpuSeconds: 1,
    serverCpuSeconds: 1,
    otherCpuSeconds: 0,
    total: { publications: 40_000, deliveries: 40_000, acks: 40_000 },
    ...rest,
  }
}

const [nchan, ws] = [peerNamed('nchan'), peerNamed('ws')]
const gap = { subscriber: 0, publisher: 7, channel: 0, expected: 2, received: 5, text: '' }

describe('ingest by schedule', () => {
  test('warns of a server that does not keep to it', () => {
    expect(toOutcome(ws, sampleOf({ offered: 40_000 })).warnings).toEqual([])
    expect(toOutcome(ws, sampleOf({ offered: 50_000 })).warnings).toEqual([
      'it does not keep to the schedule',
    ])
  })
})

test('the gaps of nchan stay a failure, and have their reason beside them', () => {
  const problem = { ...gap, kind: 'gap' }
  expect(toOutcome(nchan, sampleOf({ problem })).failure).toMatch(/^gap: .* \(nchan numbers the/)
  expect(toOutcome(ws, sampleOf({ problem })).failure).not.toContain('nchan')
  expect(toOutcome(nchan, sampleOf({ problem: { ...gap, kind: 'closed' } })).failure).not.toContain(
    '16 bits',
  )
})
