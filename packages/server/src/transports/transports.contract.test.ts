import {
  subscribeByPoll,
  subscribeBySse,
  subscribeByWebSocket,
} from '../../contract/transport-clients.ts'
import { transportContract } from '../../contract/transport.contract.ts'

transportContract('WebSocket', subscribeByWebSocket, { streams: true })
transportContract('WebSocket over TLS', subscribeByWebSocket, { streams: true, tls: true })
transportContract('SSE over TLS', subscribeBySse, { streams: true, tls: true })
transportContract('SSE', subscribeBySse, { streams: true })
transportContract('polling', subscribeByPoll, { streams: false })
