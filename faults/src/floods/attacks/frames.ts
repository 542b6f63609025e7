import { pause } from '../../rig/until.ts'
import { type Attack, type Orders, pace } from './attack.ts'
import { StubbornSocket } from './stubborn-socket.ts'

const CHANNEL = 'live:flooded'
/** Of the log that is read back again and again; within what a connection may publish at once. */
const ENTRIES = 500
/** The last answers are on their way; who was refused often is answered slowly. */
const ANSWERS_MS = 1_500

/** One client that publishes as fast as it can. */
export const publishes: Attack = frames((socket, n) =>
  socket.send('message', { n }, { channel: CHANNEL }),
)

/** One client that subscribes to one channel after the other. */
export const subscribes: Attack = frames((socket, n) =>
  socket.send('subscribe', { channel: `live:of-many-${n}` }),
)

/** One client that comes and goes. */
export const subscribeLoops: Attack = frames((socket, n) =>
  socket.send(n % 2 === 0 ? 'subscribe' : 'unsubscribe', { channel: `live:loop-${(n % 64) >> 1}` }),
)

/** One client that reads a whole log back, again and again. */
export const histories: Attack = async (orders, tally) => {
  await frames((socket) => socket.send('message', { text: 'x'.repeat(200) }, { channel: CHANNEL }))(
    { ...orders, count: ENTRIES, perSecond: ENTRIES },
    tally,
  )
  await frames((socket) => socket.send('history', { channel: CHANNEL, limit: ENTRIES }))(
    orders,
    tally,
  )
}

function frames(send: (socket: StubbornSocket, n: number) => boolean): Attack {
  return async (orders: Orders, tally) => {
    const socket = new StubbornSocket(orders, tally)
    let n = 0
    await pace(orders, () => {
      if (n >= orders.count) return 'stop'
      if (send(socket, n)) n += 1
      return undefined
    })
    await pause(ANSWERS_MS)
    socket.end()
  }
}
