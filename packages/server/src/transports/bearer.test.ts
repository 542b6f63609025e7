import { ProtocolError } from '@tidewire/protocol'
import { describe, expect, it } from 'vitest'
import { tokenOf } from './bearer.ts'

describe('the token of a request', () => {
  it('comes from the Authorization header, whatever the case of its scheme', () => {
    expect(tokenOf('Bearer a.b-c_d')).toBe('a.b-c_d')
    expect(tokenOf('bearer  abc==')).toBe('abc==')
  })

  it('comes from the query when there is no header, and the header wins', () => {
    const query = new URLSearchParams('token=from-query')
    expect(tokenOf(undefined, query)).toBe('from-query')
    expect(tokenOf('Bearer from-header', query)).toBe('from-header')
  })

  it('is absent when neither is there', () => {
    expect(tokenOf(undefined, new URLSearchParams())).toBeUndefined()
    expect(tokenOf(undefined)).toBeUndefined()
  })

  it.each(['', 'Bearer', 'Bearer ', 'Basic YTpi', 'Bearer a b', 'Bearer a,b', 'Bearer é'])(
    'fails authentication for the header %j',
    (header) => {
      expect(() => tokenOf(header)).toThrow(
        expect.objectContaining({ reason: 'authentication_failed' }),
      )
    },
  )

  it('fails authentication when it is empty or longer than 8192 characters', () => {
    const long = 'a'.repeat(8193)
    expect(() => tokenOf(undefined, new URLSearchParams('token='))).toThrow(ProtocolError)
    expect(() => tokenOf(undefined, new URLSearchParams({ token: long }))).toThrow(ProtocolError)
    expect(() => tokenOf(`Bearer ${long}`)).toThrow(ProtocolError)
  })

  it('repeats no part of the token in its message', () => {
    expect(() => tokenOf('Bearer secret secret')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })
})
