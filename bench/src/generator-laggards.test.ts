import { describe, expect, test } from 'vitest'

import { hasCompiler } from './generator.ts'
import type { Faults } from './testing/faulty-server.ts'
import { BAD_SEQUENCE, loadFaulty } from './testing/load.ts'

describe.skipIf(!hasCompiler())('the load generator with laggards', () => {
  const load = { rate: 400, inFlight: 1000, seconds: 0.4, stalled: 2, slow: 1, slowRate: 5000 }
  const STALLED = 5
  const SLOW = 7
  const tidewire = { ...load, protocol: 'tidewire' } as const
  const leaveOut: Faults = {
    deliver: (message, { subscriber, sequence }) =>
      subscriber === SLOW && sequence === BAD_SEQUENCE ? [] : [message],
  }

  test('lets them catch up and checks what they get', async () => {
    const result = await loadFaulty({}, load)
    expect(result).toMatchObject({
      ok: true,
      laggards: { letGo: 0, told: 0, complete: 3, missed: 0 },
    })
  })

  test('counts what one of them missed where nothing is promised', async () => {
    expect(await loadFaulty(leaveOut, load)).toMatchObject({ ok: true, laggards: { missed: 1 } })
  })

  test('counts the end of a stream that one of them never got', async () => {
    const result = await loadFaulty(
      {
        deliver: (message, { subscriber, sequence }) =>
          subscriber === STALLED && sequence > BAD_SEQUENCE ? [] : [message],
      },
      load,
    )
    expect(result).toMatchObject({ ok: true, laggards: { complete: 2 } })
    expect(result.laggards?.missed).toBe(result.total.publications - BAD_SEQUENCE)
  })

  test('reports the same as a gap where offsets are promised', async () => {
    expect(await loadFaulty(leaveOut, tidewire)).toMatchObject({
      ok: false,
      problem: { kind: 'gap', subscriber: SLOW, expected: BAD_SEQUENCE },
    })
  })

  test('takes a hole that was announced', async () => {
    const reset = '{"type":"reset","payload":{"channel":"live:bench","offset":52}}'
    const result = await loadFaulty(
      {
        deliver: (message, { subscriber, sequence }) =>
          subscriber === SLOW && sequence === BAD_SEQUENCE ? [reset] : [message],
      },
      tidewire,
    )
    expect(result).toMatchObject({ ok: true, laggards: { told: 1, complete: 3 } })
  })

  const letGo: Faults = {
    deliver: (message, { subscriber, sequence, socket }) => {
      if (subscriber === STALLED && sequence === BAD_SEQUENCE) socket?.terminate()
      return [message]
    },
  }

  test('counts who was let go', async () => {
    const result = await loadFaulty(letGo, load)
    expect(result).toMatchObject({ ok: true, laggards: { letGo: 1, complete: 2 } })
  })

  test('lets who was let go come back for the rest', async () => {
    const result = await loadFaulty(letGo, tidewire)
    expect(result).toMatchObject({ ok: true, laggards: { letGo: 1, told: 0, complete: 3 } })
  })

  test('reports a hole in what comes after the return', async () => {
    const result = await loadFaulty(
      { ...letGo, resume: (missed) => missed.toSpliced(3, 1) },
      tidewire,
    )
    expect(result).toMatchObject({ ok: false, problem: { kind: 'gap', subscriber: STALLED } })
  })

  test('takes it that the rest cannot be recovered, when that is said', async () => {
    const result = await loadFaulty({ ...letGo, resume: () => undefined }, tidewire)
    expect(result).toMatchObject({ ok: true, laggards: { letGo: 1, told: 1, complete: 2 } })
  })
})
