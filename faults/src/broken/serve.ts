import { parseArgs } from 'node:util'
import type { ServerOptions } from '@tidewire/server'
import { compose } from '@tidewire/server/testing'
import { type Bug, broken } from './brokers.ts'

// `serve.ts <bug> --port P --ops-port P --data DIR [--no-limits]`: a development server with a fault in it.
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
const options: ServerOptions = {
  dev: true,
  port: Number(values.port),
  ops: { port: Number(values['ops-port']) },
  data: values.data ?? '',
  no_limits: values['no-limits'],
}
const server = compose(options, (broker) => broken(positionals[0] as Bug, broker))
await server.listen()
process.on('SIGTERM', () => {
  server.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
