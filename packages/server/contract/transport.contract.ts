import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Publication, ProtocolError } from '@tidewire/protocol'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createServer, issueToken } from '../src/index.ts'

export interface SubscribeOptions {
  /** `http://host:port` */
  url: string
  token: string
  channels: readonly string[]
  cursor?: string | undefined
  last?: number | undefined
  /** Whose certificates count, in PEM; without it those that the machine knows. */
  ca?: string | undefined
}

/** A client of one transport that knows PROTOCOL.md and nothing of the server. */
export interface Subscriber {
  /** In the order of arrival. */
  readonly publications: readonly Publication[]
  /** Holes that the server told of, also when it resumed. */
  readonly resets: readonly { channel: string; reason: string }[]
  /** Where it stands after all that it received. */
  readonly cursor: string
  /** The server ended it. */
  readonly ended: boolean
  /** Takes nothing off the socket until `resume`. */
  pause(): void
  resume(): void
  close(): void
}

/** Resolves when all channels are subscribed to; rejects with the `ProtocolError` that the server answered. */
export type Subscribe = (options: SubscribeOptions) => Promise<Subscriber>

export interface TransportTraits {
  /** `false` where nothing waits for a reader that is slow. */
  streams: boolean
  /** The server speaks TLS. */
  tls?: boolean
}

const SECRET = 'a secret of the contract, 32 bytes or more'
const OUTBOX_BYTES = 64 * 1024
const CERTIFICATE = join(import.meta.dirname, 'tls/one.cert.pem')
const KEY = join(import.meta.dirname, 'tls/one.key.pem')

/** What every transport does, in the same words, against a real server. */
export function transportContract(
  name: string,
  subscribe: Subscribe,
  { streams, tls = false }: TransportTraits,
): void {
  const cleanups: (() => unknown)[] = []

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  })

  async function start() {
    const server = createServer({
      host: '127.0.0.1',
      port: 0,
      ops: { port: null },
      auth: { jwt_secret: SECRET },
      ...(tls ? { tls: { cert_file: CERTIFICATE, key_file: KEY } } : {}),
      log: { level: 'silent' },
      limits: { max_outbox_bytes: OUTBOX_BYTES },
      namespaces: {
        chat: { durability: 'memory', retention: { max_entries: 100_000 } },
        short: { durability: 'memory', retention: { max_entries: 5 } },
        signal: { durability: 'none' },
        secret: { durability: 'memory', subscribe: 'server' },
      },
    })
    const { url } = await server.listen()
    cleanups.push(() => server.close())
    const now = Date.now()
    const { token } = await issueToken({ secret: SECRET, user: 'ada', ttlMs: 600_000, now })
    return {
      async publish(channel: string, ...contents: unknown[]): Promise<void> {
        const publishes = contents.map((content) =>
          server.publish(channel, { type: 'message', payload: { content: content as string } }),
        )
        await Promise.all(publishes)
      },
      async subscribe(channels: string[], options: Partial<SubscribeOptions> = {}) {
        const ca = tls ? readFileSync(CERTIFICATE, 'utf8') : undefined
        const subscriber = await subscribe({ url, token, channels, ca, ...options })
        cleanups.push(() => subscriber.close())
        return subscriber
      },
    }
  }

  describe(`${name} as a transport`, () => {
    it('brings every publication once and in order', async () => {
      const server = await start()
      const reader = await server.subscribe(['chat:a'])
      for (let i = 1; i <= 200; i += 10) await server.publish('chat:a', ...range(i, i + 9))
      await received(reader, 200)
      expect(contents(reader)).toEqual(range(1, 200))
      expect(offsets(reader)).toEqual(range(1, 200))
      expect(reader.resets).toEqual([])
    })

    it('brings the envelope that the server completed', async () => {
      const server = await start()
      const reader = await server.subscribe(['chat:a'])
      await server.publish('chat:a', 'hi')
      await received(reader, 1)
      expect(reader.publications[0]).toEqual({
        type: 'message',
        payload: { content: 'hi' },
        metadata: {
          message_id: expect.any(String),
          timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          channel: 'chat:a',
          offset: 1,
        },
      })
    })

    it('starts at now without a position', async () => {
      const server = await start()
      await server.publish('chat:a', 'before')
      const reader = await server.subscribe(['chat:a'])
      await server.publish('chat:a', 'after')
      await received(reader, 1)
      expect(contents(reader)).toEqual(['after'])
    })

    it('starts with the last ones that are asked for', async () => {
      const server = await start()
      await server.publish('chat:a', 1, 2, 3, 4, 5)
      const reader = await server.subscribe(['chat:a'], { last: 2 })
      await received(reader, 2)
      await server.publish('chat:a', 6)
      await received(reader, 3)
      expect(contents(reader)).toEqual([4, 5, 6])
    })

    it('goes on from its position after a reconnect', async () => {
      const server = await start()
      const first = await server.subscribe(['chat:a'])
      await server.publish('chat:a', 1, 2, 3)
      await received(first, 3)
      first.close()
      await server.publish('chat:a', 4, 5)
      const second = await server.subscribe(['chat:a'], { cursor: first.cursor })
      await server.publish('chat:a', 6)
      await received(second, 3)
      expect(contents(second)).toEqual([4, 5, 6])
      expect(second.resets).toEqual([])
    })

    it('loses and doubles nothing when it is cut off while publications flow', async () => {
      const server = await start()
      let published = 0
      const flow = new AbortController()
      const publishOn = async (): Promise<void> => {
        while (!flow.signal.aborted) {
          await server.publish('chat:a', ...range(published + 1, (published += 8)))
          await new Promise(setImmediate)
        }
      }
      let reader = await server.subscribe(['chat:a'])
      const heard: unknown[] = []
      const flowing = publishOn()
      for (let cut = 1; cut <= 10; cut++) {
        await received(reader, 1)
        reader.close()
        heard.push(...contents(reader))
        reader = await server.subscribe(['chat:a'], { cursor: reader.cursor })
      }
      flow.abort()
      await flowing
      await received(reader, published - heard.length)
      expect([...heard, ...contents(reader)]).toEqual(range(1, published))
      expect(reader.resets).toEqual([])
    })

    it('catches up over more than one page of the log', async () => {
      const server = await start()
      await server.publish('chat:a', 0)
      const first = await server.subscribe(['chat:a'])
      first.close()
      await server.publish('chat:a', ...range(1, 900))
      const second = await server.subscribe(['chat:a'], { cursor: first.cursor })
      await received(second, 900)
      expect(contents(second)).toEqual(range(1, 900))
    })

    it('says when what lies after its position is no longer kept', async () => {
      const server = await start()
      const first = await server.subscribe(['short:a'])
      await server.publish('short:a', 1)
      await received(first, 1)
      first.close()
      await server.publish('short:a', ...range(2, 20))
      const second = await server.subscribe(['short:a'], { cursor: first.cursor })
      expect(second.resets).toEqual([{ channel: 'short:a', reason: 'expired' }])
      await server.publish('short:a', 21)
      await received(second, 1)
      expect(offsets(second)).toEqual([21])
    })

    it('says when its position is of another life of the log', async () => {
      const before = await start()
      const first = await before.subscribe(['chat:a'])
      await before.publish('chat:a', 1, 2)
      await received(first, 2)
      const after = await start()
      await after.publish('chat:a', 'one', 'two', 'three')
      const second = await after.subscribe(['chat:a'], { cursor: first.cursor })
      expect(second.resets).toEqual([{ channel: 'chat:a', reason: 'epoch_changed' }])
      await after.publish('chat:a', 'four')
      await received(second, 1)
      expect(contents(second)).toEqual(['four'])
    })

    it('reads two channels at once and goes on in both', async () => {
      const server = await start()
      const first = await server.subscribe(['chat:a', 'chat:b'])
      await server.publish('chat:a', 'a1')
      await server.publish('chat:b', 'b1', 'b2')
      await received(first, 3)
      expect(contents(first, 'chat:a')).toEqual(['a1'])
      expect(contents(first, 'chat:b')).toEqual(['b1', 'b2'])
      first.close()
      await server.publish('chat:b', 'b3')
      await server.publish('chat:a', 'a2', 'a3')
      const second = await server.subscribe(['chat:a', 'chat:b'], { cursor: first.cursor })
      await received(second, 3)
      expect(contents(second, 'chat:a')).toEqual(['a2', 'a3'])
      expect(contents(second, 'chat:b')).toEqual(['b3'])
    })

    it('tells of the hole in one channel and goes on in the other', async () => {
      const server = await start()
      const first = await server.subscribe(['chat:a', 'short:b'])
      await server.publish('chat:a', 'a1')
      await server.publish('short:b', 'b1')
      await received(first, 2)
      first.close()
      await server.publish('chat:a', 'a2')
      await server.publish('short:b', ...range(2, 20))
      const second = await server.subscribe(['chat:a', 'short:b'], { cursor: first.cursor })
      await received(second, 1)
      expect(contents(second, 'chat:a')).toEqual(['a2'])
      expect(second.resets).toEqual([{ channel: 'short:b', reason: 'expired' }])
    })

    it('leaves text as it was, line ends and all', async () => {
      const server = await start()
      const reader = await server.subscribe(['chat:a'])
      const texts = [
        'one\ntwo\r\nthree\rfour',
        '\n\nevent: reset\ndata: {}\n\n',
        'a\u2028b\u2029c\u0085d\0e',
        'Grüße, 世界, 👩🏽‍🚀, e\u0301, \uFEFF, \uFFFF',
        '</script><!-- " \\ \u202E -->',
        '',
      ]
      await server.publish('chat:a', ...texts)
      await received(reader, texts.length)
      expect(contents(reader)).toEqual(texts)
    })

    it('brings what happens in a channel without a log', async () => {
      const server = await start()
      const reader = await server.subscribe(['signal:a'])
      // A poll that is between two requests misses it: there is no position to come back to.
      await vi.waitFor(async () => {
        await server.publish('signal:a', 'ring')
        expect(reader.publications.length).toBeGreaterThan(0)
      }, WAIT)
      expect(reader.publications[0]?.payload).toEqual({ content: 'ring' })
      expect(reader.publications[0]?.metadata).not.toHaveProperty('offset')
      expect(reader.resets).toEqual([])
    })

    it.each([
      ['not a name', 'nonsense', 4009],
      ['of no namespace', 'nowhere:a', 4012],
      ['not for this user', 'secret:a', 4011],
    ])('refuses a channel that is %s with its code', async (_, channel, code) => {
      const server = await start()
      await expect(server.subscribe(['chat:a', channel])).rejects.toMatchObject({ code })
    })

    it('refuses a token that it did not make', async () => {
      const server = await start()
      const subscribing = server.subscribe(['chat:a'], { token: 'eyJhbGciOiJub25lIn0.e30.' })
      await expect(subscribing).rejects.toMatchObject({ code: 4002 })
      await expect(subscribing).rejects.toBeInstanceOf(ProtocolError)
    })

    const itStreams = streams ? it : () => undefined
    itStreams('ends a reader that does not keep up, and others go on', async () => {
      const server = await start()
      const slow = await server.subscribe(['chat:a'])
      const healthy = await server.subscribe(['chat:a'])
      slow.pause()
      const total = 200
      const content = 'x'.repeat(60_000)
      for (let i = 1; i <= total; i++) {
        await server.publish('chat:a', content)
        await received(healthy, i)
      }
      slow.resume()
      await vi.waitFor(() => expect(slow.ended).toBe(true), WAIT)
      expect(slow.publications.length).toBeLessThan(total)
      expect(offsets(slow)).toEqual(range(1, slow.publications.length))
      expect(offsets(healthy)).toEqual(range(1, total))
      expect(healthy.ended).toBe(false)
      const again = await server.subscribe(['chat:a'], { cursor: slow.cursor })
      await received(again, total - slow.publications.length)
      expect(offsets(again)).toEqual(range(slow.publications.length + 1, total))
    })
  })
}

const WAIT = { timeout: 10_000, interval: 5 }

async function received(reader: Subscriber, count: number): Promise<void> {
  await vi.waitFor(() => {
    expect(reader.publications.length).toBeGreaterThanOrEqual(count)
  }, WAIT)
}

function contents(reader: Subscriber, channel?: string): unknown[] {
  return reader.publications
    .filter(({ metadata }) => channel === undefined || metadata.channel === channel)
    .map(({ payload }) => payload['content'])
}

function offsets(reader: Subscriber): unknown[] {
  return reader.publications.map(({ metadata }) => metadata.offset)
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
