import { describe, expect, test } from 'vitest'

import { hasCompiler } from './generator.ts'
import { BAD_SEQUENCE, BAD_SUBSCRIBER, loadFaulty } from './testing/load.ts'

describe.skipIf(!hasCompiler()).each([
  { name: 'NATS, cut into frames anywhere', load: { protocol: 'nats' } as const },
  {
    name: 'an event stream, cut into chunks anywhere',
    load: { protocol: 'tidewire-sse', path: '/v1/sse', publisherPath: '/v1/ws' } as const,
  },
  {
    name: 'long polls, some with many publications',
    load: { protocol: 'tidewire-poll', path: '/v1/poll?a=b', publisherPath: '/v1/ws' } as const,
  },
  {
    name: 'long polls with one publication each',
    load: { protocol: 'nchan-poll' } as const,
  },
])('the load generator against $name', ({ load }) => {
  test('counts what all subscribers received in order', async () => {
    const result = await loadFaulty({}, load)
    expect(result).toMatchObject({ ok: true })
    expect(result.total.publications).toBeGreaterThan(0)
    expect(result.total.receivedByAll).toBe(result.total.publications)
  })

  test('reports a publication that one subscriber never got as a gap', async () => {
    const result = await loadFaulty(
      {
        deliver: (message, { subscriber, sequence }) =>
          subscriber === BAD_SUBSCRIBER && sequence === BAD_SEQUENCE ? [] : [message],
      },
      load,
    )
    expect(result).toMatchObject({
      ok: false,
      problem: { kind: 'gap', subscriber: BAD_SUBSCRIBER, expected: BAD_SEQUENCE },
    })
  })

  test('reports two publications in the wrong order as a reorder', async () => {
    let held = ''
    const result = await loadFaulty(
      {
        deliver: (message, { subscriber, sequence }) => {
          if (subscriber !== BAD_SUBSCRIBER) return [message]
          if (sequence !== BAD_SEQUENCE)
            return held && sequence === BAD_SEQUENCE + 1 ? [message, held] : [message]
          held = message
          return []
        },
      },
      load,
    )
    expect(result).toMatchObject({ ok: false, problem: { kind: 'reorder' } })
  })
})
