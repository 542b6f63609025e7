import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyPayload } from '../testing/arbitraries.ts'
import { outcome, refusal } from '../testing/outcome.ts'
import type { Json } from './envelope.ts'
import { ProtocolError } from './errors.ts'
import { toEnvelope } from './frame.ts'
import { boundBytes, boundJson, DEFAULT_FRAME_LIMITS } from './limits.ts'

// The slow references: one obvious recursion for each question.
function depthOf(value: Json): number {
  if (value === null || typeof value !== 'object') return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}
function keysOf(value: Json): number {
  if (value === null || typeof value !== 'object') return 0
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return Object.values(value).reduce((sum: number, item: Json) => sum + keysOf(item), own)
}

describe('frame limits', () => {
  it('agree with a slow reference on depth and keys', () => {
    const limits = fc.record({
      max_frame_bytes: fc.constant(2 ** 24),
      max_depth: fc.integer({ min: 1, max: 6 }),
      max_keys: fc.integer({ min: 1, max: 40 }),
    })
    let accepted = 0
    fc.assert(
      fc.property(anyPayload, limits, (payload, bounds) => {
        const envelope = { type: 'm', payload }
        // The envelope around the payload is level 0.
        const allowed =
          depthOf(envelope) - 1 <= bounds.max_depth && keysOf(envelope) <= bounds.max_keys
        const result = outcome(() => toEnvelope(envelope, bounds))
        expect(!(result instanceof ProtocolError)).toBe(allowed)
        if (allowed) accepted += 1
      }),
      { numRuns: 5000 },
    )
    // Both answers were seen often.
    expect(accepted).toBeGreaterThan(500)
    expect(accepted).toBeLessThan(4500)
  })

  it('let only through what JSON.stringify can write', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200_000 }), fc.boolean(), (depth, arrays) => {
        const text = arrays
          ? `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
          : `${'{"a":'.repeat(depth)}{}${'}'.repeat(depth)}`
        const payload = JSON.parse(text) as Json
        const result = outcome(() => toEnvelope({ type: 'm', payload }, DEFAULT_FRAME_LIMITS))
        expect(result instanceof ProtocolError || JSON.stringify(result).length > 0).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it('count the metadata too, so that what is dropped later is bounded as well', () => {
    const metadata = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`k${i}`, i]))
    expect(refusal(() => boundJson({ type: 'm', metadata }, DEFAULT_FRAME_LIMITS))).toMatch(/keys/)
  })

  it('count bytes', () => {
    const limits = { ...DEFAULT_FRAME_LIMITS, max_frame_bytes: 4 }
    expect(refusal(() => boundBytes('1234', limits))).toBe('accepted')
    expect(refusal(() => boundBytes('12345', limits))).toMatch(/^message_too_large: .*4 bytes/)
    expect(refusal(() => boundBytes(new Uint8Array(5), limits))).toMatch(/^message_too_large: /)
  })
})
