import { constants, inflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { settle } from './conversation.ts'
import { Doors, DOORS } from './doors.ts'
import { checkAccepted, exchange } from './exchange.ts'
import { named } from './named.ts'
import { Peer, type Request } from './peer.ts'
import { COMPRESSED_FRAMES, COMPRESSION_OFFERS } from './vectors/rfc7692.ts'

const WINDOW_BITS = 13
const TAIL = Buffer.of(0, 0, 0xff, 0xff)
const RSV1 = 4
const LONG = 'What is said again and again is said in few bytes. '.repeat(20)

let doors: Doors
beforeAll(async () => {
  doors = await Doors.open({ config: { dev: true, compression: { enabled: true } } })
}, 180_000)
afterAll(() => doors.remove())

describe.each(DOORS)('with compression, %s', (where, proxied) => {
  const ask = async (request: Request): Promise<Peer> => {
    const peer = await Peer.ask(doors.port(proxied), request)
    onTestFinished(() => peer.wire.destroy())
    return peer
  }
  const open = async (): Promise<Peer> => {
    const peer = await ask({
      target: `/v1/ws?token=${doors.tokens.ada}`,
      headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate' },
    })
    expect(await peer.next()).toMatchObject({ type: 'connection_established' })
    return peer
  }

  describe('RFC 7692: an offer in which', () => {
    it.each(named(COMPRESSION_OFFERS))('%s', async (_, { headers, expect: answer }) => {
      const peer = await ask({ headers })
      expect([answer.status].flat()).toContain(peer.answer.status)
      await checkAccepted(peer, answer)
    })
  })

  describe('RFC 7692: a frame', () => {
    it.each(named(COMPRESSED_FRAMES))('%s', async (_, vector) => {
      const peer = await open()
      const { words, last } = await exchange(peer, vector)
      expect(words).toEqual(vector.expect)
      await settle(peer, last)
    })
  })

  it('each long message inflates by itself, with the window that was agreed to', async () => {
    const channel = `live:compressed-${proxied ? 'proxied' : 'direct'}`
    const peer = await open()
    await peer.send('subscribe', { channel })
    expect(await peer.next()).toMatchObject({ type: 'subscribed' })
    for (const n of [1, 2, 3]) await peer.send('message', { n, text: LONG }, { channel })
    const numbers: number[] = []
    while (numbers.length < 3) {
      const frame = await peer.wire.frame()
      if (frame === undefined) throw new Error(`The connection ended ${where}.`)
      if (frame.rsv !== RSV1) continue
      expect(frame.payload.length).toBeLessThan(LONG.length / 2)
      const message = inflateRawSync(Buffer.concat([frame.payload, TAIL]), {
        windowBits: WINDOW_BITS,
        finishFlush: constants.Z_SYNC_FLUSH,
      })
      const { payload } = JSON.parse(message.toString()) as { payload: { n: number; text: string } }
      expect(payload.text).toBe(LONG)
      numbers.push(payload.n)
    }
    expect(numbers).toEqual([1, 2, 3])
  })
})
