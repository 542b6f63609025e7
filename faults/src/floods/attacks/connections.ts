import { pause } from '../../rig/until.ts'
import type { Tally } from '../tally.ts'
import { type Attack, type Orders, pace } from './attack.ts'
import { RawSocket } from './raw-socket.ts'

/** Beyond every deadline of the server. */
const PATIENCE_MS = 25_000
const DRIP_MS = 1_000

function handshake(key = 'AAAAAAAAAAAAAAAAAAAAAA=='): string {
  return (
    'GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`
  )
}

/** Connects again and again, and is gone as soon as it is answered. */
export const connects: Attack = many(() => handshake())

const BAD_KEYS = ['', 'short', '!'.repeat(24), 'A'.repeat(1000), 'AAAAAAAAAAAAAAAAAAAAAA==, x']

/** Asks for WebSockets in a way that cannot be answered with one; every sixth leaves before it is told. */
export const badUpgrades: Attack = many(
  (n) => handshake(BAD_KEYS[n % BAD_KEYS.length]),
  (n) => n % 6 === 5,
)

/** As many as are asked for, one after the other. */
function many(request: (n: number) => string, leaves = (_n: number): boolean => false): Attack {
  return async (orders, tally) => {
    const open = new Set<Promise<void>>()
    let n = 0
    await pace(orders, () => {
      if (n >= orders.count) return 'stop'
      const socket = new RawSocket(orders, tally, { hangUp: true })
      socket.write(request(n))
      if (leaves(n)) setImmediate(() => socket.destroy())
      const closed = socket.closed.then(() => void open.delete(closed))
      open.add(closed)
      n += 1
      return undefined
    })
    await Promise.race([Promise.all(open), pause(PATIENCE_MS)])
  }
}

/** WebSockets that never say who they are. */
export const silent: Attack = waiting(handshake(), undefined)

/** WebSockets that never say who they are, and send a ping now and then. */
export const dripping: Attack = waiting(handshake(), pingFrame())

/** Connections over which nothing comes at all. */
export const mute: Attack = waiting('', undefined)

/** Requests whose headers never end. */
export const slowHeaders: Attack = waiting(
  'GET /v1/poll?channel=chat:a HTTP/1.1\r\nHost: 127.0.0.1\r\n',
  'X-More: and more\r\n',
)

/** Requests whose body never ends. */
export const slowBodies: Attack = (orders, tally) =>
  waiting(
    'POST /v1/channels/live:slow/publications HTTP/1.1\r\nHost: 127.0.0.1\r\n' +
      `Authorization: Bearer ${orders.token}\r\nContent-Length: 10000\r\n\r\n{"type":`,
    ' ',
  )(orders, tally)

/** `count` sockets that say `first`, and then `drop` once a second for as long as they are let. */
function waiting(first: string, drop: string | Buffer | undefined): Attack {
  return async (orders: Orders, tally: Tally) => {
    const sockets: RawSocket[] = []
    const dripping = setInterval(() => {
      if (drop !== undefined) for (const socket of sockets) socket.write(drop)
    }, DRIP_MS)
    await pace(orders, () => {
      if (sockets.length >= orders.count) return 'stop'
      const socket = new RawSocket(orders, tally)
      if (first !== '') socket.write(first)
      sockets.push(socket)
      return undefined
    })
    await Promise.race([Promise.all(sockets.map(({ closed }) => closed)), pause(PATIENCE_MS)])
    clearInterval(dripping)
    tally.add('left open', sockets.filter(({ isClosed }) => !isClosed).length)
    for (const socket of sockets) socket.destroy()
  }
}

/** `{"type":"ping"}` in a text frame whose mask is zeros. */
function pingFrame(): Buffer {
  const text = Buffer.from('{"type":"ping"}')
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text])
}
