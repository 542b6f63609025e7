import { Readable } from 'node:stream'
import { ProtocolError } from '@tidewire/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { send } from '../../contract/http-client.ts'
import { serveScripted } from '../../contract/scripted-service.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import type { RouteContext } from './http-api.ts'

type Fixture = Awaited<ReturnType<typeof serveScripted>>

let fixture: Fixture | undefined
const serve = async (): Promise<Fixture> => (fixture = await serveScripted(new FakeClock()))
afterEach(() => fixture?.close())

describe('a route of an application', () => {
  it('bounds bodies of routes also where they say no length, and needs none', async () => {
    const { url, api } = await serve()
    api.route('DELETE', '/v1/orders/:id', () => new Response('gone'))
    api.route('POST', '/v1/orders', async ({ request }) => new Response(await request.text()))
    expect(await (await ask(`${url}/v1/orders/7`, 'DELETE')).text()).toBe('gone')
    expect(await (await ask(`${url}/v1/orders`, 'POST', ['a', 'b'])).text()).toBe('ab')
    const parts = Array.from({ length: 20 }, () => 'x'.repeat(10_000))
    expect((await ask(`${url}/v1/orders`, 'POST', parts)).status).toBe(413)
  })

  it('hands a body on as it comes where the route reads it so', async () => {
    const { url, api } = await serve()
    let hear: (text: string) => void = () => undefined
    const first = new Promise<string>((resolve) => (hear = resolve))
    const options = { streamed: true, maxBodyBytes: 10 }
    const count = async ({ request }: RouteContext): Promise<Response> => {
      let size = 0
      for await (const chunk of request.body ?? []) {
        hear(Buffer.from(chunk).toString())
        size += chunk.byteLength
      }
      return Response.json(size)
    }
    api.route('POST', '/v1/files', count, options)
    expect(api.isStreamed({ method: 'POST', url: '/v1/files?name=a' } as never)).toBe(true)
    expect(api.isStreamed({ method: 'GET', url: '/v1/files' } as never)).toBe(false)
    const slow = (async function* () {
      yield 'early'
      // The rest is sent when the handler has the beginning.
      expect(await first).toBe('early')
      yield 'late'
    })()
    expect(await (await ask(`${url}/v1/files`, 'POST', slow)).json()).toBe(9)
    expect((await send(`${url}/v1/files`, { body: 'x'.repeat(20) })).status).toBe(413)
  })

  it('counts for its user as what it costs, before it does anything', async () => {
    const { url, api, service } = await serve()
    const counted: unknown[] = []
    service.count = ({ user }, cost) => {
      counted.push([user, cost])
      if (cost > 1) throw new ProtocolError('rate_limited', 'Too much.', { retryAfterMs: 1_500 })
    }
    api.route('GET', '/v1/who', ({ actor }) => Response.json(actor.user ?? null), { anyone: true })
    api.route('GET', '/v1/search', () => new Response('never'), { cost: 20 })
    expect((await ask(`${url}/v1/who`, 'GET')).status).toBe(200)
    expect((await fetch(`${url}/v1/who`)).status).toBe(200)
    const refused = await ask(`${url}/v1/search`, 'GET')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '2'])
    expect(counted).toEqual([
      ['ada', 1],
      ['ada', 20],
    ])
  })

  it('lets a route look for itself at who shows no token', async () => {
    const { url, api } = await serve()
    const who = ({ actor }: RouteContext): Response => Response.json(actor.user ?? actor.kind)
    api.route('GET', '/v1/who', who, { anyone: true })
    expect(await (await fetch(`${url}/v1/who`)).json()).toBe('anyone')
    expect(await (await ask(`${url}/v1/who`, 'GET')).json()).toBe('ada')
    expect((await ask(`${url}/v1/who`, 'GET', undefined, 'no token!')).status).toBe(401)
  })
})

/** A request whose body, if any, is sent in parts without a length. */
function ask(
  url: string,
  method: string,
  parts?: Iterable<string> | AsyncIterable<string>,
  token = 'a-token',
): Promise<Response> {
  const headers = { authorization: `Bearer ${token}` }
  if (parts === undefined) return fetch(url, { method, headers })
  const body = Readable.toWeb(Readable.from(parts, { objectMode: true }))
  return fetch(url, { method, headers, duplex: 'half', body: encoded(body) } as RequestInit)
}

function encoded(texts: unknown): BodyInit {
  return (texts as ReadableStream<string>).pipeThrough(new TextEncoderStream())
}
