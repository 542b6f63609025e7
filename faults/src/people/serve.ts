import { parseArgs } from 'node:util'
import { chat, createServer, feed, notifications, presence } from '@tidewire/server'
import type { PeopleTerms } from './server.ts'

// `serve.ts '{…}' --port P --ops-port P --data DIR [--no-limits]`: an application that embeds the server, with the
// features that concern people. What the JSON says is `PeopleTerms`.

/** Everybody's followers are handed what they say, however many they are: that is what is looked at. */
const THRESHOLD = 50_000

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    dev: { type: 'boolean' },
    port: { type: 'string' },
    'ops-port': { type: 'string' },
    data: { type: 'string' },
    'no-limits': { type: 'boolean', default: false },
  },
})
const { graceMs, retryMs, heartbeatMs, serverKey } = JSON.parse(
  positionals[0] ?? '{}',
) as PeopleTerms
const server = createServer({
  dev: true,
  port: Number(values.port),
  ops: { port: Number(values['ops-port']) },
  data: values.data ?? '',
  no_limits: values['no-limits'],
  ...(heartbeatMs === undefined ? {} : { heartbeat_ms: heartbeatMs }),
  ...(serverKey === undefined ? {} : { auth: { server_keys: [serverKey] } }),
  features: [
    presence(graceMs === undefined ? {} : { graceMs }),
    chat(),
    notifications({
      webPush: { subject: 'mailto:faults@example.com', hosts: ['127.0.0.1'], allowPrivate: true },
      retryMs,
    }),
    feed({ threshold: THRESHOLD }),
  ],
})
await server.listen()
process.on('SIGTERM', () => {
  server.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
