import { describe, expect, it } from 'vitest'
import { TokenSource } from './token-source.ts'
import type { TokenContext } from './types.ts'

function counting(): { source: TokenSource; reasons: string[]; signals: AbortSignal[] } {
  const reasons: string[] = []
  const signals: AbortSignal[] = []
  const source = new TokenSource({
    getToken: ({ reason, signal }: TokenContext) => {
      reasons.push(reason)
      signals.push(signal)
      return Promise.resolve(`token-${reasons.length}`)
    },
  })
  return { source, reasons, signals }
}

describe('the source of tokens', () => {
  it('gives the fixed token, or none', async () => {
    expect(await new TokenSource({ token: 't' }).get('refused')).toBe('t')
    expect(await new TokenSource({}).get('connect')).toBeUndefined()
  })

  it('keeps a token over reconnects', async () => {
    const { source, reasons } = counting()
    expect(await source.get('connect')).toBe('token-1')
    expect(await source.get('connect')).toBe('token-1')
    expect(reasons).toEqual(['connect'])
  })

  it('asks for another one when it was refused, ends soon, or has ended', async () => {
    const { source, reasons } = counting()
    await source.get('connect')
    expect(await source.get('refused')).toBe('token-2')
    expect(await source.get('expiring')).toBe('token-3')
    source.expires(Date.now() + 1000)
    expect(await source.get('connect')).toBe('token-4')
    expect(reasons).toEqual(['connect', 'refused', 'expiring', 'connect'])
  })

  it('does not fall back to a refused token when there is no other', async () => {
    let fail = false
    const source = new TokenSource({
      getToken: () => (fail ? Promise.reject(new Error('offline')) : Promise.resolve('old')),
    })
    await source.get('connect')
    fail = true
    await expect(source.get('refused')).rejects.toThrow('offline')
    await expect(source.get('connect')).rejects.toThrow('offline')
  })

  it('takes back a request that is not needed any more, also from a provider that does not listen', async () => {
    const source = new TokenSource({ getToken: () => new Promise<string>(() => undefined) })
    const token = source.get('connect')
    source.cancel()
    await expect(token).rejects.toMatchObject({ code: 'aborted' })
  })

  it('does not take what is not a token', async () => {
    const source = new TokenSource({ getToken: () => Promise.resolve('') })
    await expect(source.get('connect')).rejects.toMatchObject({ code: 'invalid_argument' })
  })
})
