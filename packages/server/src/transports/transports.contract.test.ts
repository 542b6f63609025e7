import {
  subscribeByPoll,
  subscribeBySse,
  subscribeByWebSocket,
} from '../../contract/transport-clients.ts'
import { transportContract } from '../../contract/transport.contract.ts'

transportContract('WebSocket', subscribeByWebSocket, { streams: true })
transportContract('SSE', subscribeBySse, { streams: true })
transportContract('polling', subscribeByPoll, { streams: false })
