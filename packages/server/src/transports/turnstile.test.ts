import { EventEmitter, once } from 'node:events'
import http from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { DEFAULT_FRAME_LIMITS, ProtocolError } from '@tidewire/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { quietObserver, ScriptedService } from '../../contract/scripted-service.ts'
import type { Refusal } from '../core/ports/observer.ts'
import { Turnstile } from './turnstile.ts'
import { Door } from './door.ts'
import { WebSocketTransport } from './websocket.ts'

const FROM = { address: '192.0.2.1', transport: 'websocket' }

class FakePeer extends EventEmitter {
  destroyed = false

  leave(): void {
    this.destroyed = true
    this.emit('close')
  }
}

/** An turnstile in a world where only `work` takes time, and a turn ends when the test says so. */
function scene(maxWaiting = 100, random = 0.5) {
  let time = 0
  const turns: (() => void)[] = []
  const refusals: Refusal[] = []
  const turnstile = new Turnstile({
    maxWaiting,
    random: () => random,
    observer: { ...quietObserver(), refused: (refusal) => void refusals.push(refusal) },
    now: () => time,
    nextTurn: (fn) => void turns.push(fn),
  })
  const order: string[] = []
  return {
    turnstile,
    refusals,
    order,
    pass: (ms: number) => (time += ms),
    /** Comes in and works for `ms`. */
    async come(name: string, ms: number, peer = new FakePeer()): Promise<void> {
      try {
        if (!(await turnstile.enter(peer, FROM))) return void order.push(`${name} gone`)
        order.push(name)
        time += ms
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        order.push(`${name} ${error.reason} ${error.retryAfterMs}`)
      }
    },
    async nextTurn(): Promise<void> {
      for (const fn of turns.splice(0)) fn()
      await settle()
    },
    get turns() {
      return turns.length
    },
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('turnstile', () => {
  it('lets in at once who comes when nothing is going on', async () => {
    const { come, order, turnstile } = scene()
    await come('a', 1)
    expect(order).toEqual(['a'])
    expect(turnstile.waiting).toBe(0)
  })

  it('lets in for five milliseconds of a turn, in the order of arrival, and then yields', async () => {
    const { come, nextTurn, order, turnstile } = scene()
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) void come(name, 2)
    await settle()
    expect(order).toEqual(['a', 'b', 'c'])
    expect(turnstile.waiting).toBe(4)
    await nextTurn()
    expect(order).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    await nextTurn()
    expect(order).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g'])
  })

  it('lets in one a turn, however long each takes', async () => {
    const { come, nextTurn, order } = scene()
    for (const name of ['a', 'b', 'c']) void come(name, 100)
    await settle()
    expect(order).toEqual(['a'])
    await nextTurn()
    expect(order).toEqual(['a', 'b'])
    await nextTurn()
    expect(order).toEqual(['a', 'b', 'c'])
  })

  it('lets in for a quarter of a long turn, up to a tenth of a second', async () => {
    const { come, nextTurn, order, pass } = scene(1_000)
    for (let i = 0; i < 200; i++) void come(String(i), 2)
    await settle()
    expect(order).toHaveLength(3)
    pass(50)
    await nextTurn()
    expect(order).toHaveLength(3 + 7)
    pass(5_000)
    await nextTurn()
    expect(order.length - 10).toBe(50)
  })

  it('lets in at once, without a promise, until the time of the turn is spent or somebody waits', async () => {
    const { come, nextTurn, order, pass, turnstile } = scene()
    const enter = (name: string, ms: number): string =>
      turnstile.pass(
        () => {
          order.push(name)
          pass(ms)
          return 'in'
        },
        () => 'later',
      )
    expect([enter('a', 2), enter('b', 4), enter('c', 1)]).toEqual(['in', 'in', 'later'])
    void come('d', 1)
    expect(order).toEqual(['a', 'b'])
    await nextTurn()
    expect(order).toEqual(['a', 'b', 'd'])
    expect(enter('e', 1)).toBe('in')
    turnstile.close()
    expect(enter('f', 1)).toBe('later')
  })

  it('lets nobody pass those who wait', async () => {
    const { come, nextTurn, order } = scene()
    void come('a', 6)
    void come('b', 6)
    await settle()
    await nextTurn()
    void come('c', 1)
    await settle()
    expect(order).toEqual(['a', 'b'])
    await nextTurn()
    expect(order).toEqual(['a', 'b', 'c'])
  })

  it('lets who was in go on before those outside', async () => {
    const { come, nextTurn, order, turnstile } = scene()
    void come('a', 6)
    await settle()
    void come('outside', 1)
    void turnstile.goOn(new FakePeer(), FROM).then(() => order.push('inside'))
    await nextTurn()
    expect(order).toEqual(['a', 'inside', 'outside'])
  })

  it('sends away whom it has no room for, for one to five seconds', async () => {
    for (const [random, retryAfterMs] of [
      [0, 1_000],
      [0.9999, 4_999],
    ] as const) {
      const { come, order, refusals } = scene(2, random)
      await come('a', 6)
      for (const name of ['b', 'c', 'd']) void come(name, 6)
      await settle()
      expect(order).toEqual(['a', `d too_many_connections ${retryAfterMs}`])
      expect(refusals).toEqual([{ reason: 'too_many_connections', action: 'connect', ...FROM }])
    }
  })

  it('lets nobody wait where nobody may, and still lets in', async () => {
    const { come, nextTurn, order } = scene(0)
    await come('a', 6)
    await come('b', 1)
    await nextTurn()
    await come('c', 1)
    expect(order).toEqual(['a', 'b too_many_connections 3000', 'c'])
  })

  it('sends away who waited for ten seconds', async () => {
    const { come, nextTurn, order, pass } = scene()
    void come('a', 6)
    void come('b', 1)
    await settle()
    pass(9_990)
    void come('c', 1)
    pass(20)
    await nextTurn()
    expect(order).toEqual(['a', 'b too_many_connections 3000', 'c'])
  })

  it('drops at once who has gone, and keeps nothing of it', async () => {
    const { come, nextTurn, order, turnstile } = scene(1)
    const gone = new FakePeer()
    await come('a', 6)
    void come('b', 1, gone)
    await settle()
    gone.leave()
    await settle()
    expect(turnstile.waiting).toBe(0)
    expect(gone.listenerCount('close')).toBe(0)
    void come('c', 1)
    await nextTurn()
    expect(order).toEqual(['a', 'b gone', 'c'])
    const before = new FakePeer()
    before.destroyed = true
    await come('d', 1, before)
    expect(order.at(-1)).toBe('d gone')
  })

  it('keeps no listener on those it let in or sent away', async () => {
    const { come, nextTurn } = scene(1)
    const peers = [new FakePeer(), new FakePeer(), new FakePeer()]
    for (const peer of peers) void come('a', 6, peer)
    await settle()
    await nextTurn()
    expect(peers.map((peer) => peer.listenerCount('close'))).toEqual([0, 0, 0])
  })

  it('asks for no turn while nothing is going on', async () => {
    const world = scene()
    await world.come('a', 1)
    expect(world.turns).toBe(1)
    await world.nextTurn()
    expect(world.turns).toBe(0)
  })

  it('sends everybody away when it closes, and blames nobody for it', async () => {
    const { come, nextTurn, order, refusals, turnstile } = scene()
    void come('a', 6)
    void come('b', 1)
    await settle()
    turnstile.close()
    await come('c', 1)
    await nextTurn()
    expect(order).toEqual(['a', 'b unavailable 3000', 'c unavailable 3000'])
    expect(turnstile.waiting).toBe(0)
    expect(refusals).toEqual([])
  })
})

describe('a storm of handshakes', () => {
  let server: http.Server
  let transport: WebSocketTransport
  const sockets: Socket[] = []

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    transport.close()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  /** A server whose handshakes cost `ms` of the processor each. */
  async function serve(ms: number, maxWaiting: number) {
    const service = new ScriptedService()
    const observer = quietObserver()
    const turnstile = new Turnstile({ maxWaiting, random: () => 0, observer })
    const authenticate = service.authenticate.bind(service)
    service.authenticate = (token) => {
      const until = performance.now() + ms
      while (performance.now() < until);
      return authenticate(token)
    }
    transport = new WebSocketTransport({
      door: new Door({ origins: [], hosts: [], proxies: [], observer }),
      turnstile,
      service,
      observer,
      frame: DEFAULT_FRAME_LIMITS,
      compression: { enabled: false, min_bytes: 512 },
      heartbeatMs: 25_000,
    })
    server = http.createServer()
    server.on('upgrade', (request, socket, head) => void transport.upgrade(request, socket, head))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { service, turnstile, port: (server.address() as AddressInfo).port }
  }

  /** Connected, and silent until it knocks. */
  async function connected(port: number, count: number): Promise<Socket[]> {
    const made = Array.from({ length: count }, () => connect(port, '127.0.0.1'))
    sockets.push(...made)
    for (const socket of made) socket.on('error', () => undefined)
    await Promise.all(made.map((socket) => once(socket, 'connect')))
    // Until the server has accepted all of them, too: what they send then arrives at once.
    await expect
      .poll(() => new Promise((resolve) => server.getConnections((_, all) => resolve(all))))
      .toBe(sockets.length)
    return made
  }

  function knock(socket: Socket, more = Buffer.of()): void {
    socket.write(Buffer.concat([Buffer.from(HANDSHAKE), more]))
  }

  it('leaves those who are connected their messages', async () => {
    const { service, port } = await serve(1, 5_000)
    let heard = 0
    const opened = service.opened()
    const [early] = await connected(port, 1)
    early!.on('data', () => (heard += 1))
    knock(early!)
    const session = await opened
    let accepted = 0
    const storm = await connected(port, 500)
    for (const socket of storm) {
      socket.once('data', (chunk: Buffer) => {
        accepted += String(chunk).startsWith('HTTP/1.1 101') ? 1 : 0
      })
    }
    const before = heard
    for (const socket of storm) knock(socket)
    const talking = setInterval(() => session.say('message', {}), 1)
    await expect.poll(() => accepted, { timeout: 15_000, interval: 5 }).toBe(500)
    clearInterval(talking)
    // Half a second of work in slices of five milliseconds; all at once there would be one or two.
    expect(heard - before).toBeGreaterThan(20)
  })

  it('sends away by plain HTTP whom it has no room for', async () => {
    const { port } = await serve(20, 3)
    const answers: string[] = []
    for (const socket of await connected(port, 40)) {
      socket.once('data', (chunk: Buffer) => answers.push(String(chunk)))
      knock(socket)
    }
    await expect.poll(() => answers.length).toBe(40)
    const away = answers.filter((text) => text.startsWith('HTTP/1.1 503 Service Unavailable'))
    expect(away.length).toBeGreaterThan(10)
    expect(away[0]).toMatch(/\r\nRetry-After: 1\r\n[^]*"code":4007[^]*"retry_after_ms":1000/)
  })

  it('forgets a peer that hangs up while it waits, and what it would cost', async () => {
    const { port, turnstile, service } = await serve(50, 100)
    const hasty = await connected(port, 20)
    for (const socket of hasty) knock(socket)
    await expect.poll(() => turnstile.waiting, { interval: 1 }).toBeGreaterThan(10)
    for (const socket of hasty) socket.end()
    await expect.poll(() => turnstile.waiting, { interval: 1 }).toBe(0)
    expect(service.tokens.length).toBeLessThan(15)
  })

  it('keeps what a hasty client sends behind its handshake', async () => {
    const { port, service } = await serve(30, 100)
    const opened = [service.opened(), service.opened(), service.opened()]
    const hello = Buffer.from(JSON.stringify({ type: 'hello', payload: {} }))
    // A masked text frame, the mask being zeros.
    const frame = Buffer.concat([Buffer.of(0x81, 0x80 | hello.length, 0, 0, 0, 0), hello])
    const [one, two, three] = await connected(port, 3)
    knock(one!, frame)
    knock(two!, frame)
    knock(three!)
    three!.write(frame)
    for (const session of await Promise.all(opened)) {
      await expect.poll(() => session.received.map(({ type }) => type)).toEqual(['hello'])
    }
  })
})

const HANDSHAKE =
  'GET /v1/ws?token=t HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
