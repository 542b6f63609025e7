import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { converse, settle } from './conversation.ts'
import { checkAccepted, exchange } from './exchange.ts'
import { blocksOf, checkAnswer, checkBlock, initOf } from './http.ts'
import { Doors, DOORS } from './doors.ts'
import { named } from './named.ts'
import { type Heard, Peer, type Request } from './peer.ts'
import { CHANNELS } from './vectors/protocol-channels.ts'
import { CONNECTION, type ProtocolVector, REFUSED } from './vectors/protocol-connection.ts'
import { ENVELOPE } from './vectors/protocol-envelope.ts'
import { HTTP_WRITES } from './vectors/protocol-http.ts'
import { HTTP_READS } from './vectors/protocol-http-reads.ts'
import { LOG } from './vectors/protocol-log.ts'
import { SSE } from './vectors/protocol-sse.ts'
import { FRAMES } from './vectors/rfc6455-frames.ts'
import { HANDSHAKES } from './vectors/rfc6455-handshakes.ts'
import { check, Run } from './run.ts'
import { closed, refused } from './vocabulary.ts'

let doors: Doors
beforeAll(async () => {
  doors = await Doors.open()
}, 180_000)
afterAll(() => doors.remove())

describe.each(DOORS)('%s', (where, proxied) => {
  const port = (): number => doors.port(proxied)
  const newRun = (id: string): Run => new Run(doors.server, doors.tokens, `${id} ${where}`)
  const ask = async (request: Request): Promise<Peer> => {
    const peer = await Peer.ask(port(), request)
    onTestFinished(() => peer.wire.destroy())
    return peer
  }
  const open = async (request: Request): Promise<{ peer: Peer; greeting: Heard }> => {
    const opened = await Peer.open(port(), request)
    onTestFinished(() => opened.peer.wire.destroy())
    return opened
  }

  describe('RFC 6455: a frame', () => {
    it.each(named(FRAMES))('%s', async (_, vector) => {
      const { peer } = await open({ target: `/v1/ws?token=${doors.tokens.ada}` })
      const { words, last } = await exchange(peer, vector)
      expect(words).toEqual(vector.expect)
      await settle(peer, last)
    })
  })

  describe('RFC 6455 and 7692: a handshake', () => {
    it.each(named(HANDSHAKES))(
      '%s',
      async (_, { method, headers, expect: direct, behindProxy }) => {
        const answer = proxied && behindProxy !== undefined ? behindProxy.expect : direct
        const before = performance.now()
        const peer = await ask({ method, headers })
        expect(performance.now() - before).toBeLessThan(2000)
        expect([answer.status].flat()).toContain(peer.answer.status)
        await checkAccepted(peer, answer)
      },
    )
  })

  describe('PROTOCOL.md over WebSocket', () => {
    it.each(named(REFUSED))('%s is refused with 4002, over the socket', async (_, request) => {
      const peer = await ask(request)
      expect(peer.answer.status).toBe(101)
      await converse(peer, [refused(4002), closed(4002)], newRun('refused'))
    })

    it.each(named([...CONNECTION, ...ENVELOPE, ...CHANNELS, ...LOG]))('%s', async (_, vector) => {
      const { peer, greeting } = await open(requestOf(vector))
      const granted = peer.answer.headers['sec-websocket-protocol']
      expect(granted).toBe('grants' in vector ? vector.grants : granted)
      const run = newRun(vector.id)
      check(greeting, run.fillAll(vector.greeting ?? {}))
      await converse(peer, vector.steps, run)
    })
  })

  describe('PROTOCOL.md over HTTP', () => {
    it.each(named([...HTTP_WRITES, ...HTTP_READS]))('%s', async (_, vector) => {
      const run = newRun(`http ${vector.id}`)
      if (vector.holds !== undefined) {
        await run.hold(1, vector.holds)
        await run.learnEpochs()
      }
      const [method, target] = run.fill(vector.request).split(' ')
      const response = await fetch(
        `http://127.0.0.1:${port()}${target}`,
        initOf(method, vector, run, doors.tokens),
      )
      const { expect: direct, behindProxy } = vector
      const answer = run.fillAll(proxied && behindProxy !== undefined ? behindProxy.expect : direct)
      expect(response.status).toBe(answer.status)
      await checkAnswer(response, answer)
    })

    it.each(named(SSE))(
      '%s',
      async (_, { query, lastEventId, holds, thenPublishes = 0, ...rest }) => {
        const run = newRun(rest.id)
        await run.hold(1, holds)
        await run.learnEpochs()
        const response = await fetch(`http://127.0.0.1:${port()}/v1/sse?${run.fill(query)}`, {
          headers: {
            authorization: `Bearer ${doors.tokens.ada}`,
            ...(lastEventId === undefined ? {} : { 'last-event-id': run.fill(lastEventId) }),
          },
        })
        expect(response.status).toBe(200)
        expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
        expect(response.headers.get('cache-control')).toBe('no-cache, no-transform')
        // nginx keeps to itself what is meant for it.
        expect(response.headers.get('x-accel-buffering')).toBe(proxied ? null : 'no')
        const blocks = blocksOf(response)
        expect(await blocks.next()).toMatch(/^retry: \d+$/)
        expect(await blocks.next()).toMatch(/^event: connection_established\ndata: \{.*\}$/)
        const before = rest.expect.length - thenPublishes
        for (const block of run.fillAll(rest.expect.slice(0, before)))
          checkBlock(await blocks.next(), block)
        await run.hold(holds + 1, holds + thenPublishes)
        for (const block of run.fillAll(rest.expect.slice(before)))
          checkBlock(await blocks.next(), block)
        await blocks.end()
      },
    )
  })
})

function requestOf(vector: ProtocolVector): Request {
  const { token = 'query' } = vector
  const offers = 'offers' in vector ? vector.offers : 'tidewire.v1.json'
  const withToken = token === 'subprotocol' ? `${offers}, bearer.${doors.tokens.ada}` : offers
  return {
    target: token === 'query' ? `/v1/ws?token=${doors.tokens.ada}` : '/v1/ws',
    headers: {
      'Sec-WebSocket-Protocol': withToken,
      ...(token === 'header' ? { Authorization: `Bearer ${doors.tokens.ada}` } : {}),
    },
  }
}
