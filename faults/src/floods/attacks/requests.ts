import { type Attack, pace } from './attack.ts'
import { RawSocket } from './raw-socket.ts'

const HEADERS = Array.from({ length: 1200 }, (_, n) => `x-${n}: a\r\n`).join('')
const LONG = 'a'.repeat(100 * 1024)

const REQUESTS = [
  `GET /v1/poll?wait=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n${HEADERS}\r\n`,
  `GET /v1/poll?channel=${LONG} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
  `GET /v1/poll HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ${LONG}\r\n\r\n`,
  `GET /v1/ws?${LONG} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
]

/** Requests with more headers, or longer ones, than anybody needs. */
export const oversized: Attack = async (orders, tally) => {
  const answered: Promise<void>[] = []
  await pace(orders, () => {
    if (answered.length >= orders.count) return 'stop'
    const socket = new RawSocket(orders, tally, { hangUp: true })
    socket.write(REQUESTS[answered.length % REQUESTS.length]!)
    answered.push(socket.closed)
    return undefined
  })
  await Promise.all(answered)
}
