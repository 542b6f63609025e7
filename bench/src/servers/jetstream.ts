/** NATS JetStream: its configuration, and the one stream of the bench. */
import { once } from 'node:events'
import { connect } from 'node:net'

/** `always`: a publish is on disk before its ack; the server's default is every two minutes. */
export type JetStreamSync = 'always' | 'default'

export function jetstreamConfig(port: number, directory: string, sync: JetStreamSync): string {
  return `
listen: "127.0.0.1:${port}"
server_name: bench
jetstream { store_dir: "${directory}"${sync === 'always' ? ', sync_interval: always' : ''} }
write_deadline: "20s"
max_pending: 256MB
`
}

/** Whether the server speaks. */
export async function jetstreamReady(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    const [data] = (await once(socket, 'data')) as [Buffer]
    return data.toString().startsWith('INFO')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return false
    throw error
  } finally {
    socket.destroy()
  }
}

/** Makes a stream with file store for all subjects below `log`. */
export async function createStream(port: number): Promise<void> {
  const stream = JSON.stringify({
    name: 'BENCH',
    subjects: ['log.>'],
    storage: 'file',
    retention: 'limits',
    num_replicas: 1,
  })
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  socket.write('CONNECT {"verbose":false}\r\nSUB answer 1\r\n')
  socket.write(`PUB $JS.API.STREAM.CREATE.BENCH answer ${stream.length}\r\n${stream}\r\n`)
  let said = ''
  for await (const text of socket) {
    said += text as string
    if (said.includes('"did_create":true')) return
    if (said.includes('"error"') || said.includes('-ERR')) break
  }
  throw new Error(`JetStream made no stream: ${said}`)
}
