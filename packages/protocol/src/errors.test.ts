import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ERRORS, type ErrorReason, ProtocolError, reasonOf } from './errors.ts'

const protocol = readFileSync(new URL('../PROTOCOL.md', import.meta.url), 'utf8')
const rows = [...protocol.matchAll(/^\| (4\d{3}) \| `(\w+)` \| (\d{3}|–) \|/gm)].map(
  ([, code, reason, http]) => ({ code: Number(code), reason: reason as ErrorReason, http }),
)

describe('the error table', () => {
  it('holds the codes of PROTOCOL.md, and no others', () => {
    expect(rows.map(({ reason }) => reason)).toEqual(Object.keys(ERRORS))
    expect(rows.length).toBeGreaterThan(10)
  })

  it.each(rows)('gives $reason its code $code and HTTP $http', ({ code, reason, http }) => {
    expect(ERRORS[reason].code).toBe(code)
    expect(reasonOf(code)).toBe(reason)
    // Only a connection can be a slow consumer; over HTTP it would be the server that is too busy.
    expect(ERRORS[reason].http).toBe(http === '–' ? 503 : Number(http))
  })

  it('knows no reason for codes of others', () => {
    expect([1000, 1006, 3999, 4016, Number.NaN].map(reasonOf)).toEqual(Array(5).fill(undefined))
  })
})

describe('a ProtocolError', () => {
  it('is the payload of an error frame', () => {
    const error = new ProtocolError('rate_limited', 'Slow down.', { retryAfterMs: 250 })
    expect(error.toPayload()).toEqual({
      code: 4004,
      reason: 'rate_limited',
      message: 'Slow down.',
      temporary: true,
      retry_after_ms: 250,
    })
    expect(error.status).toBe(429)
  })

  it('keeps its cause to itself', () => {
    const error = new ProtocolError('bad_envelope', 'No.', { cause: new Error('secret') })
    expect(JSON.stringify(error.toPayload())).not.toContain('secret')
    expect(error.toPayload()).not.toHaveProperty('retry_after_ms')
  })
})
